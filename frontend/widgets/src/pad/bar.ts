import { element, icon } from "@robust-widgets/shared/dom";
import { say } from "@robust-widgets/shared/translation";
import { button } from "./button";
import type { Mirror } from "./messages";

const PICTURE = "M2 3.5h12v9H2zM2 10.5l3.5-3.5 3 3 2-2 3.5 3.5M11 6.2v.1";
const EYE =
  "M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8z" + "M8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z";

const PALETTE =
  "M8 2C4.7 2 2 4.5 2 7.800c0 3.3 2.5 6.2 5.3 6.2 1.2 0 1.6-.8 1.2-1.7-.5-1.2.2-2 1.3-2h1.700c1.5 0 2.5-1 2.5-2.600C14 4.4 11.3 2 8 2z" +
  "M5 7.500v.1M7 4.800v.1M10.3 5.300v.1";
const MIRROR = "M8 2v12M6 4.5 1.5 12H6zM10 4.5 14.5 12H10z";

const mirrors = (): Record<Mirror, [next: Mirror, label: string]> => ({
  none: ["x", say("Symmetry: off")],
  x: ["y", say("Symmetry: left and right")],
  y: ["both", say("Symmetry: top and bottom")],
  both: ["none", say("Symmetry: all four quarters")],
});

export interface BarActions {
  mirror(mirror: Mirror): void;
  upload(file: File): void;
  /** In (1), out (-1), or to fit (0). */
  zoom(direction: 1 | -1 | 0): void;
  showBefore(show: boolean): void;
  help(): void;
  /** Shows the colours of the picture, or hides them. */
  colors(): void;
}

/** The buttons under the painting for what the browser does by itself. */
export class Bar {
  readonly row: HTMLElement;
  private readonly percent = button("rw-pad-percent", say("Zoom to fit"), "0", "100%");
  private readonly before = button("", say("Show the image without paint, while held"), "\\", icon(EYE));

  private readonly symmetry = button("", say("Symmetry"), "S", icon(MIRROR));
  private readonly colors = button("", say("Colours of the picture"), "C", icon(PALETTE));
  private current: Mirror = "none";

  constructor(private readonly actions: BarActions) {
    const [upload, file] = this.uploadButton();
    const zoomOut = button("", say("Zoom out"), "-", "−");
    const zoomIn = button("", say("Zoom in"), "+", "+");
    const help = button("", say("Keyboard shortcuts"), "?", "?");
    zoomOut.addEventListener("click", () => actions.zoom(-1));
    this.percent.addEventListener("click", () => actions.zoom(0));
    zoomIn.addEventListener("click", () => actions.zoom(1));
    help.addEventListener("click", () => actions.help());
    this.symmetry.addEventListener("click", () => this.nextMirror());
    this.colors.addEventListener("click", () => actions.colors());
    this.setColors(false);
    this.listenToBefore();
    this.setBefore(false);
    this.setZoom(1);
    const zoom = element(
      "div",
      "rw-pad-zoom",
      { role: "group", "aria-label": say("Zoom") },
      zoomOut,
      this.percent,
      zoomIn,
    );
    const buttons = element(
      "div",
      "rw-pad-buttons",
      {},
      upload,
      file,
      this.before,
      this.symmetry,
      this.colors,
      zoom,
      help,
    );
    this.row = element("div", "rw-pad-bar", {}, buttons);
    // JupyterLab handles shortcuts before the pad does; without this, B would insert a cell.
    this.row.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  /** Goes on to the next kind of symmetry. */
  nextMirror(): Mirror {
    const [next] = mirrors()[this.current];
    this.actions.mirror(next);
    return next;
  }

  /** @param mirror undefined where there is no symmetry */
  setMirror(mirror: Mirror | undefined): string {
    this.symmetry.hidden = !mirror;
    if (!mirror) return "";
    const [, label] = mirrors()[mirror];
    this.current = mirror;
    this.symmetry.setAttribute("aria-pressed", String(mirror !== "none"));
    this.symmetry.setAttribute("aria-label", label);
    this.symmetry.title = `${label} (S)`;
    return label;
  }

  setColors(areShown: boolean): void {
    this.colors.setAttribute("aria-pressed", String(areShown));
  }

  setZoom(zoom: number): void {
    const percent = `${Math.round(100 * zoom)}%`;
    this.percent.textContent = percent;
    this.percent.setAttribute("aria-label", `${percent}: ${say("Zoom to fit")}`);
  }

  setBefore(isShown: boolean): void {
    this.before.setAttribute("aria-pressed", String(isShown));
  }

  private uploadButton(): [HTMLButtonElement, HTMLInputElement] {
    const file = element("input", "", { type: "file", accept: "image/*", tabindex: "-1", "aria-hidden": "true" });
    file.hidden = true;
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      if (chosen) this.actions.upload(chosen);
      file.value = ""; // Otherwise choosing the same file again would not be a change.
    });
    const upload = button("", say("Add a picture: choose, drop or paste one"), "", icon(PICTURE), say("Picture"));
    upload.addEventListener("click", () => file.click());
    return [upload, file];
  }

  /** The image without paint shows while the button is held, by pointer or by key. */
  private listenToBefore(): void {
    const hold = (show: boolean) => () => this.actions.showBefore(show);
    const holdByKey = (show: boolean) => (event: KeyboardEvent) => {
      if (event.key === " " || event.key === "Enter") this.actions.showBefore(show);
    };
    this.before.addEventListener("pointerdown", hold(true));
    for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
      this.before.addEventListener(name, hold(false));
    }
    this.before.addEventListener("keydown", holdByKey(true));
    this.before.addEventListener("keyup", holdByKey(false));
  }
}
