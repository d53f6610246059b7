/** The studio itself: the output of the code that shows it, in a kernel of its own. */
import type { ISessionContext } from "@jupyterlab/apputils";
import { OutputAreaModel, SimplifiedOutputArea } from "@jupyterlab/outputarea";
import type { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { Contents, Kernel } from "@jupyterlab/services";
import type { TranslationBundle } from "@jupyterlab/translation";
import { PromiseDelegate } from "@lumino/coreutils";
import type { IDisposable } from "@lumino/disposable";
import { Panel } from "@lumino/widgets";
import "../../style/studio.css";
import "../../style/wide.css";
import { LEFT, pace, show, WARM, type Wish } from "./code";
import { deliver, type Delivery } from "./delivery";
import { isAlive, valueOf } from "./kernel";
import { manageWidgets } from "./manager";
import { Notice, type Remedy } from "./notice";
import { appearing } from "./wait";

const MOST_MILLISECONDS = 2000;
/** The newest run shown, among those of the studio's history. */
const RUN = ".rw-view-history:not([hidden]) .rw-view-run[tabindex='0']";
/** The kernel's statuses after which its memory is gone. */
const LOST: Kernel.Status[] = ["restarting", "autorestarting", "dead"];

export interface PanelOptions {
  /** Names this studio: the same after a reload of the page. */
  id: string;
  wish: Wish;
  sessionContext: ISessionContext;
  rendermime: IRenderMimeRegistry;
  contents: Contents.IManager;
  trans: TranslationBundle;
  restart: () => void;
  framesPerSecond: () => number;
  /** What the studio is handed as soon as it is there. */
  delivery?: Delivery | undefined;
}

/** What would go with the kernel: unsaved paint or runs; and whether there is a painting, which is kept. */
export interface Left {
  unsaved: boolean;
  painted: boolean;
}

/** What is told of a studio beside its widget. */
export interface About {
  model: string;
}

const ABOUT_MIME = "application/vnd.robust-widgets.studio+json";

export class StudioPanel extends Panel {
  readonly sessionContext: ISessionContext;
  private readonly notice = new Notice();
  private readonly output: SimplifiedOutputArea;
  private readonly trans: TranslationBundle;
  private registration: IDisposable | undefined;
  private lost: Kernel.Status | undefined;
  private delivery: Delivery | undefined;
  private readonly opened = new PromiseDelegate<void>();

  constructor(private readonly options: PanelOptions) {
    super();
    this.addClass("rw-tab");
    this.sessionContext = options.sessionContext;
    this.trans = options.trans;
    this.delivery = options.delivery;
    this.output = new SimplifiedOutputArea({
      model: new OutputAreaModel({ trusted: true }),
      rendermime: options.rendermime,
    });
    this.addWidget(this.notice);
    this.addWidget(this.output);
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.registration?.dispose();
    super.dispose();
  }

  /** Once the session is ready. */
  async start(): Promise<void> {
    this.notice.inform(this.trans.__("The studio is being opened …"));
    const { sessionContext, rendermime, contents } = this.options;
    sessionContext.statusChanged.connect(this.follow, this);
    sessionContext.kernelChanged.connect((_, { oldValue, newValue }) => {
      if (!newValue) this.sayEnded();
      else if (oldValue || this.lost) void this.open();
    });
    // While JupyterLab loads its widgets, the kernel is at work already; what goes wrong is said by what comes after.
    const warming = sessionContext.session?.kernel?.requestExecute({ code: WARM, silent: true, store_history: false });
    warming?.done.catch(() => undefined);
    try {
      const registration = await manageWidgets(sessionContext, rendermime, contents);
      if (this.isDisposed) registration.dispose();
      else this.registration = registration;
    } catch (error) {
      this.notice.warn(
        this.trans.__(
          "JupyterLab could not load its widgets (%1); install ipywidgets beside it, and reload the page.",
          error instanceof Error ? error.message : String(error),
        ),
      );
      this.opened.resolve();
      return;
    }
    await this.open();
    this.opened.resolve();
  }

  /** Goes to the runs that were made here, or says that there are none. */
  async showHistory(): Promise<void> {
    await this.opened.promise;
    const run = await appearing(this.node, RUN, MOST_MILLISECONDS);
    if (this.isDisposed) return;
    if (run) {
      run.scrollIntoView({ block: "center" });
      run.focus();
    } else if (!this.notice.warns)
      this.notice.inform(
        this.trans.__("There are no runs yet. Paint, choose a class and press Run: each run is kept under the result."),
        this.understood,
      );
  }

  /** Has a studio that is open already follow the settings; one that is being opened is told them when it is. */
  async pace(): Promise<void> {
    await this.opened.promise;
    const kernel = this.sessionContext.session?.kernel;
    if (this.isDisposed || !isAlive(kernel)) return;
    const told = kernel.requestExecute({
      code: pace(this.options.framesPerSecond()),
      silent: true,
      store_history: false,
    });
    await told.done.catch(() => undefined); // a kernel that ends meanwhile is told when it shows the studio again
  }

  /** What would be lost with the kernel; undefined where that cannot be known. */
  async left(): Promise<Left | undefined> {
    const kernel = this.sessionContext.session?.kernel;
    if (!isAlive(kernel)) return { unsaved: false, painted: true };
    const told = await valueOf(kernel, LEFT, MOST_MILLISECONDS);
    // A kernel without the studio has nothing to lose.
    return told === undefined ? undefined : { unsaved: told.startsWith("(True"), painted: told.endsWith("True)") };
  }

  /** The model; undefined while there is no studio. */
  get about(): About | undefined {
    const { model } = this.output;
    for (let index = 0; index < model.length; index++) {
      const found = model.get(index).data[ABOUT_MIME] as About | undefined;
      if (found) return found;
    }
    return undefined;
  }

  private async open(): Promise<void> {
    const { id, wish, sessionContext, framesPerSecond } = this.options;
    const lost = this.lost;
    this.lost = undefined;
    try {
      const reply = await SimplifiedOutputArea.execute(show(wish, framesPerSecond()), this.output, sessionContext, {
        cellId: id,
      });
      if (this.isDisposed) return;
      if (reply?.content.status === "ok") await this.handOver();
      if (reply?.content.status === "error") this.explain(reply.content.ename, reply.content.evalue);
      else if (lost === "autorestarting") this.notice.warn(this.diedWords(), this.understood);
      else this.notice.clear();
    } catch (error) {
      if (this.isDisposed || this.isLost()) return;
      this.explain("", error instanceof Error ? error.message : String(error));
    }
  }

  /** What is on its way to the studio is held until the kernel has it, over a restart, too. */
  private async handOver(): Promise<void> {
    const kernel = this.sessionContext.session?.kernel;
    if (!this.delivery || !isAlive(kernel)) return;
    this.notice.inform(this.trans.__("The studio is handed what you chose …"));
    await deliver(this.delivery, kernel);
    this.delivery = undefined;
  }

  private follow(_: ISessionContext, status: Kernel.Status): void {
    if (LOST.includes(status)) {
      this.lost = status;
      if (status === "dead")
        this.notice.warn(
          this.trans.__("The kernel has died. Your painting is kept; restart the kernel to go on."),
          this.restarting,
        );
      else if (status === "autorestarting")
        this.notice.warn(this.trans.__("The kernel has died and is being restarted …"));
      else this.notice.inform(this.trans.__("The kernel is being restarted …"));
    } else if (status === "idle" && this.lost) void this.open();
  }

  /** The kernel was ended past this tab, as in JupyterLab's list of what runs. */
  private sayEnded(): void {
    if (this.isDisposed) return;
    this.lost = "dead";
    this.notice.warn(
      this.trans.__("The kernel was ended. Your painting is kept; restart the kernel to go on."),
      this.restarting,
    );
  }

  private get restarting(): Remedy {
    return { label: this.trans.__("Restart the kernel"), act: this.options.restart };
  }

  private isLost(): boolean {
    return this.lost !== undefined;
  }

  private get understood(): Remedy {
    return { label: this.trans.__("OK"), act: () => this.notice.clear() };
  }

  private diedWords(): string {
    return this.trans.__(
      "The kernel had died and was restarted. What was painted is back; runs that were not saved to a file are gone.",
    );
  }

  private explain(name: string, message: string): void {
    const missing = name === "ModuleNotFoundError" && message.includes("robust_widgets");
    if (missing) this.output.model.clear();
    this.notice.warn(
      missing
        ? this.trans.__(
            "The kernel %1 has no robust-widgets; install it there with pip, or choose another kernel above.",
            this.sessionContext.kernelDisplayName,
          )
        : this.trans.__("The studio could not be opened (%1); restart the kernel to try again.", message || name),
    );
  }
}
