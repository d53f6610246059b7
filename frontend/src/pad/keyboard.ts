import type { Cursor } from "./cursor";
import type { Help } from "./help";
import type { Pointers } from "./pointers";
import { choose, type Model } from "./protocol";
import { commandFor, type Command } from "./shortcuts";
import type { Viewport } from "./viewport";

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface KeyboardHost {
  surface: HTMLElement;
  model: Model;
  viewport: Viewport;
  pointers: Pointers;
  cursor: Cursor;
  help: Help;
  before(show: boolean): void;
  say(text: string): void;
}

/** The keys, while the painting surface has the focus. Tab is never among them. */
export class Keyboard {
  private space: "up" | "held" | "used" = "up";
  private before = false;

  constructor(
    private readonly host: KeyboardHost,
    signal: AbortSignal,
  ) {
    const { surface } = host;
    surface.addEventListener("keydown", (event) => this.down(event), { signal });
    surface.addEventListener("keyup", (event) => this.up(event), { signal });
    surface.addEventListener("focus", () => surface.matches(":focus-visible") && host.cursor.show(), { signal });
    surface.addEventListener("blur", () => this.leave(), { signal });
    // Other Control and Command keys (Ctrl-S) go through to JupyterLab, which looks at the mark a moment later.
    const openOrClose = (event: KeyboardEvent) => {
      const ours = event.altKey || !(event.ctrlKey || event.metaKey) || commandFor(event) !== undefined;
      surface.toggleAttribute("data-lm-suppress-shortcuts", ours);
    };
    window.addEventListener("keydown", openOrClose, { signal, capture: true });
  }

  /** Whether Space is held, so that the mouse moves the view. */
  get grabbing(): boolean {
    return this.space !== "up";
  }

  /** Space served to move the view; letting go of it paints nothing. */
  grabbed(): void {
    if (this.space === "held") this.space = "used";
  }

  private down(event: KeyboardEvent): void {
    if (event.target !== this.host.surface) return;
    if (this.atCursor(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const command = commandFor(event);
    if (!command) return;
    event.preventDefault();
    event.stopPropagation();
    this.obey(command, event.repeat);
  }

  private up(event: KeyboardEvent): void {
    // Which key it is may have changed with Shift or AltGr being released first.
    if (event.key === "\\" || event.code === "Backslash" || event.key === "AltGraph") this.showBefore(false);
    if (event.key !== " ") return;
    const { cursor, surface } = this.host;
    if (this.space === "held") cursor.tap();
    this.space = "up";
    surface.classList.remove("rw-pad-grab");
  }

  private leave(): void {
    this.space = "up";
    this.host.surface.classList.remove("rw-pad-grab");
    this.showBefore(false);
    this.host.cursor.hide();
  }

  private showBefore(show: boolean): void {
    // The button under the painting shows it too, while the focus leaves the surface for it.
    if (show !== this.before) this.host.before(show);
    this.before = show;
  }

  private atCursor(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const { cursor, surface } = this.host;
    const arrow = ARROWS[event.key];
    if (arrow) {
      cursor.move(...arrow, event.shiftKey);
    } else if (event.key === " ") {
      if (this.space === "up") this.space = "held";
      surface.classList.add("rw-pad-grab");
    } else if (event.key === "Enter") {
      if (!event.repeat) cursor.toggle();
    } else {
      return false;
    }
    return true;
  }

  private obey(command: Command, repeat: boolean): void {
    const { model, viewport, cursor, help, pointers, say } = this.host;
    const painting = pointers.painting || cursor.painting;
    if ("tool" in command) {
      if (repeat) return;
      cursor.finish();
      choose(model, "tool", command.tool);
      say(command.tool);
    } else if ("action" in command) {
      const { action } = command;
      const stepping = action === "undo" || action === "redo";
      const sizing = action === "smaller" || action === "larger";
      if (painting ? stepping || action === "invert" : repeat && !stepping && !sizing) return;
      if (action === "invert" && !model.get("masking")) return;
      model.send({ kind: "action", name: action });
    } else if (command.local === "zoomIn") viewport.step(1, cursor.onSurface);
    else if (command.local === "zoomOut") viewport.step(-1, cursor.onSurface);
    else if (command.local === "zoomFit") viewport.zoomTo(1);
    else if (command.local === "before") this.showBefore(true);
    else if (repeat) return;
    else if (command.local === "help") help.toggle();
    else if (command.local === "layer") this.changeLayer();
    else if (!help.panel.hidden) help.toggle(false);
    else if (!pointers.cancel() && !cursor.cancel()) model.send({ kind: "action", name: "stop" });
  }

  private changeLayer(): void {
    const { model, cursor, say } = this.host;
    if (!model.get("masking")) return;
    cursor.finish();
    const layer = model.get("layer") === "mask" ? "sketch" : "mask";
    choose(model, "layer", layer);
    say(`paints the ${layer}`);
  }
}
