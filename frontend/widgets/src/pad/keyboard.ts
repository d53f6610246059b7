import { say } from "@robust-widgets/shared/translation";
import type { Cursor } from "./cursor";
import type { Help } from "./help";
import { choose, type Model } from "./messages";
import type { Pointers } from "./pointers";
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
  pointers: Pick<Pointers, "isPainting" | "cancel">;
  cursor: Cursor;
  help: Help;
  showBefore(show: boolean): void;
  announce(text: string): void;
  /** Goes on to the next kind of symmetry. */
  nextMirror(): void;
  /** Shows the layer that is painted on, or hides it. */
  toggleLayer(): void;
  /** Shows the colours of the picture, or hides them. */
  toggleColors(): void;
}

/** Keys, while the painting surface has the focus. Tab is never handled. */
export class Keyboard {
  /** "used" once the view was moved while Space is held: letting go of it then paints nothing. */
  private space: "up" | "held" | "used" = "up";
  private isBeforeShown = false;

  constructor(
    private readonly host: KeyboardHost,
    signal: AbortSignal,
  ) {
    const { surface } = host;
    surface.addEventListener("keydown", (event) => this.down(event), { signal });
    surface.addEventListener("keyup", (event) => this.up(event), { signal });
    const showCursor = () => {
      if (surface.matches(":focus-visible")) host.cursor.show();
    };
    surface.addEventListener("focus", showCursor, { signal });
    surface.addEventListener("blur", () => this.leave(), { signal });
    // Other Control and Command keys (Ctrl-S) go to JupyterLab, which checks this attribute after this listener.
    const suppress = (event: KeyboardEvent) => {
      const isOurs = event.altKey || !(event.ctrlKey || event.metaKey) || commandFor(event) !== undefined;
      surface.toggleAttribute("data-lm-suppress-shortcuts", isOurs);
    };
    window.addEventListener("keydown", suppress, { signal, capture: true });
  }

  /** Whether Space is held, with which the mouse moves the view. */
  get isSpaceHeld(): boolean {
    return this.space !== "up";
  }

  usedSpace(): void {
    if (this.space === "held") this.space = "used";
  }

  private down(event: KeyboardEvent): void {
    if (event.target !== this.host.surface) return;
    const command = this.moveCursor(event) ? null : commandFor(event);
    if (command === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (command) this.applyCommand(command, event.repeat);
  }

  private up(event: KeyboardEvent): void {
    // The key may have changed if Shift or AltGr was released first.
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
    // Only on a change: the button below takes the focus from the surface and shows it, too.
    if (show !== this.isBeforeShown) this.host.showBefore(show);
    this.isBeforeShown = show;
  }

  /** Handles the keys of the cursor; false for any other key. */
  private moveCursor(event: KeyboardEvent): boolean {
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

  private applyCommand(command: Command, isRepeat: boolean): void {
    const { model, viewport, cursor, help, pointers, announce } = this.host;
    const isPainting = pointers.isPainting || cursor.isPainting;
    if ("tool" in command) {
      if (isRepeat) return;
      cursor.finish();
      choose(model, "tool", command.tool);
      announce(say(command.tool));
    } else if ("action" in command) {
      const { action } = command;
      const isHistory = action === "undo" || action === "redo";
      const isSize = action === "smaller" || action === "larger";
      if (isPainting ? isHistory || action === "invert" : isRepeat && !isHistory && !isSize) return;
      if (action === "invert" && !model.get("masking")) return;
      model.send({ kind: "action", name: action });
    } else if (command.local === "zoomIn") viewport.step(1, cursor.onSurface);
    else if (command.local === "zoomOut") viewport.step(-1, cursor.onSurface);
    else if (command.local === "zoomFit") viewport.zoomTo(1);
    else if (command.local === "before") this.showBefore(true);
    else if (isRepeat) return;
    else if (command.local === "help") help.toggle();
    else if (command.local === "mirror") this.host.nextMirror();
    else if (command.local === "layer") this.changeLayer();
    else if (command.local === "hide") this.host.toggleLayer();
    else if (command.local === "colors") this.host.toggleColors();
    else if (!help.panel.hidden) help.toggle(false);
    else if (!pointers.cancel() && !cursor.cancel()) model.send({ kind: "action", name: "stop" });
  }

  private changeLayer(): void {
    const { model, cursor, announce } = this.host;
    if (!model.get("masking")) return;
    cursor.finish();
    const layer = model.get("layer") === "mask" ? "sketch" : "mask";
    choose(model, "layer", layer);
    announce(layer === "mask" ? say("painting on the mask") : say("painting on the sketch"));
  }
}
