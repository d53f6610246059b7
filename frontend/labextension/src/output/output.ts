/** Runs in a notebook's output: a player, and the runs' parameters, collapsed. Needs no kernel. */
import type { IRenderMime } from "@jupyterlab/rendermime";
import type { TranslationBundle } from "@jupyterlab/translation";
import { Widget } from "@lumino/widgets";
import { player } from "@robust-widgets/shared/player";
import { element, suppressLabShortcuts, setText } from "@robust-widgets/shared/dom";
import "../../style/run.css";
import { parameterList } from "../viewer/parameters";
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

  /** The run that is shown. */
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
    // A live view in the same cell hides this by its style, as it hides the player in HTML.
    this.toggleClass("rw-keepsake", this.output?.standsIn ?? false);
    this.node.replaceChildren(
      ...(this.output ? this.parts(this.output.runs, this.shown.signal) : this.complaint(data["image/png"])),
    );
    return Promise.resolve();
  }

  private parts(runs: OutputRun[], signal: AbortSignal): HTMLElement[] {
    const [details, title] = [element("details", ""), element("summary", "")];
    setText(title, this.trans.__("Parameters of the run"));
    const chosen = (index: number) => {
      this.at = index;
      const info = runs[index]?.info;
      if (!info) return;
      const { header, pictures: size } = info;
      details.replaceChildren(
        title,
        parameterList({ ...header, knobs: Object.entries(header.knobs), size }, this.trans),
      );
    };
    const root = player(
      runs.map(({ run }) => run),
      { urlOf, signal, words: playerWords(this.trans), chosen },
    );
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", this.trans.__("recorded runs"));
    suppressLabShortcuts(root, signal);
    return [root, details];
  }

  /** A notice, and the picture of the steps that the output contains, too. */
  private complaint(png: unknown): HTMLElement[] {
    const notice = element("p", "rw-run-notice", { role: "alert" });
    setText(
      notice,
      this.trans.__(
        "The runs in this output cannot be played by this version of robust-widgets. Update it to play them.",
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
