/** Waiting for what is drawn by others. */

/** The first element under ``root`` that fits, now or as soon as there is one; undefined if there is none in time. */
export function appearing(root: HTMLElement, selector: string, milliseconds: number): Promise<HTMLElement | undefined> {
  return new Promise((resolve) => {
    const look = () => root.querySelector<HTMLElement>(selector) ?? undefined;
    const end = () => {
      observer.disconnect();
      clearTimeout(timer);
      resolve(look());
    };
    const observer = new MutationObserver(() => {
      if (look()) end();
    });
    const timer = setTimeout(end, milliseconds);
    observer.observe(root, { subtree: true, childList: true, attributes: true });
    if (look()) end();
  });
}
