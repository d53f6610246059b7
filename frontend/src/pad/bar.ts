import { button, element, icon } from "./dom";

const PICTURE = "M2 3.5h12v9H2zM2 10.5l3.5-3.5 3 3 2-2 3.5 3.5M11 6.2v.1";
const EYE = "M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z";

export interface BarActions {
  upload(file: File): void;
  zoom(direction: 1 | -1 | 0): void;
  before(show: boolean): void;
  help(): void;
}

/** The buttons under the painting, for what the browser does by itself. */
export class Bar {
  readonly row: HTMLElement;
  private readonly percent = button("rw-pad-percent", "Show all", "0", "100%");
  private readonly eye = button("", "Show the image without paint, while held", "\\", icon(EYE), "Before");

  constructor(actions: BarActions) {
    const file = element("input", "", { type: "file", accept: "image/*", tabindex: "-1", "aria-hidden": "true" });
    file.hidden = true;
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) actions.upload(chosen);
      file.value = ""; // or the same file could not be chosen again
    });
    const upload = button("", "Bring a picture: choose, drop or paste one", "", icon(PICTURE), "Picture");
    upload.addEventListener("click", () => file.click());

    const farther = button("", "Farther", "-", "−");
    const closer = button("", "Closer", "+", "+");
    const help = button("", "All keys", "?", "?");
    farther.addEventListener("click", () => actions.zoom(-1));
    this.percent.addEventListener("click", () => actions.zoom(0));
    closer.addEventListener("click", () => actions.zoom(1));
    help.addEventListener("click", () => actions.help());

    const hold = (show: boolean) => () => actions.before(show);
    this.eye.addEventListener("pointerdown", hold(true));
    for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) this.eye.addEventListener(name, hold(false));
    const keyed = (show: boolean) => (event: KeyboardEvent) => {
      if (event.key === " " || event.key === "Enter") actions.before(show);
    };
    this.eye.addEventListener("keydown", keyed(true));
    this.eye.addEventListener("keyup", keyed(false));
    this.showBefore(false);

    const zoom = element("div", "rw-pad-zoom", { role: "group", "aria-label": "Zoom" }, farther, this.percent, closer);
    this.row = element("div", "rw-pad-bar", {}, upload, file, this.eye, zoom, help);
    // JupyterLab's shortcuts listen before us; here too B must not insert a cell.
    this.row.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  showZoom(zoom: number): void {
    this.percent.textContent = `${Math.round(100 * zoom)}%`;
  }

  showBefore(shown: boolean): void {
    this.eye.setAttribute("aria-pressed", `${shown}`);
  }
}
