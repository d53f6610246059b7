/** Keeps the page in the browser, so that it opens without a network. */

/** Registers the service worker, where there is one: browsers need encryption for it, or this very machine. */
export function registerServiceWorker(): void {
  if (!("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register("sw.js").catch((error: unknown) => {
    console.info("robust-widgets: the page is not kept for offline use", error);
  });
}
