/** Waits for the first element under ``root`` that matches; undefined if there is none in time. */
export function waitForElement(
  root: HTMLElement,
  selector: string,
  milliseconds: number,
): Promise<HTMLElement | undefined> {
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
