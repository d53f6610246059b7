/** Runs in a notebook's output: the player, and folded away what each run was asked. Needs no kernel. */
import type { IRenderMime } from "@jupyterlab/rendermime";
import type { TranslationBundle } from "@jupyterlab/translation";
import { Widget } from "@lumino/widgets";
import { player } from "@robust-widgets/shared/player";
import { element, suppressLabShortcuts, setText } from "@robust-widgets/shared/dom";
import "../../style/run.css";
import { facts } from "../viewer/facts";
import { playerWords } from "@robust-widgets/shared/words";
import { readOutput, type Output, type OutputRun } from "./read";

const urlOf = (jpeg: string) => `data:image/jpeg;base64,${jpeg}`;

export class RunOutput extends Widget implements IRenderMime.IRenderer {
  private shown: AbortController | undefined;
  private output: Output | undefined;
  private at = 0;
  private static readonly byNode = new WeakMap<HTMLElement, RunOutput>();

  constructor(private readonly trans: TranslationBundle) {
    super();
    RunOutput.byNode.set(this.node, this);
    this.addClass("rw-run");
    this.addClass("rw-output");
  }

  static at(node: HTMLElement | null | undefined): RunOutput | undefined {
    return node ? RunOutput.byNode.get(node) : undefined;
  }

  /** The run that a person looks at. */
  get run(): OutputRun | undefined {
    return this.output?.runs[this.at];
  }

  override dispose(): void {
    this.shown?.abort();
    super.dispose();
  }

  renderModel({ data }: IRenderMime.IMimeModel): Promise<void> {
    this.shown?.abort();
    this.shown = new AbortController();
    this.output = readOutput(data);
    // The live view's style hides it while that stands in the same cell, as it hides the player in HTML.
    this.toggleClass("rw-keepsake", this.output?.standsIn ?? false);
    this.node.replaceChildren(
      ...(this.output ? this.parts(this.output.runs, this.shown.signal) : this.complaint(data["image/png"])),
    );
    return Promise.resolve();
  }

  private parts(runs: OutputRun[], signal: AbortSignal): HTMLElement[] {
    const [asked, title] = [element("details", ""), element("summary", "")];
    setText(title, this.trans.__("What the run was asked"));
    const chosen = (index: number) => {
      this.at = index;
      const told = runs[index]?.told;
      if (!told) return;
      const { header, pictures: size } = told;
      asked.replaceChildren(title, facts({ ...header, knobs: Object.entries(header.knobs), size }, this.trans));
    };
    const root = player(
      runs.map(({ run }) => run),
      { urlOf, signal, words: playerWords(this.trans), chosen },
    );
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", this.trans.__("recorded runs"));
    suppressLabShortcuts(root, signal);
    return [root, asked];
  }

  /** What remains is the strip of steps. */
  private complaint(png: unknown): HTMLElement[] {
    const notice = element("p", "rw-run-notice", { role: "alert" });
    setText(
      notice,
      this.trans.__(
        "The runs in this output cannot be played by this version of robust-widgets; update it to play them.",
      ),
    );
    const text = Array.isArray(png) ? png.join("") : png;
    const parts: HTMLElement[] = [notice];
    if (typeof text === "string") {
      const alt = this.trans.__("steps of the newest run");
      parts.push(element("img", "", { alt, src: `data:image/png;base64,${text}` }));
    }
    return parts;
  }
}
