/** The studio of a tab: the output of the code that shows it, in a kernel of its own. */
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
import { UNSAVED_WORK, setFrameRate, show, PRELOAD, type StudioOptions } from "./code";
import { deliver, type Delivery } from "./delivery";
import { isAlive, untilAnswered, valueOf } from "./kernel";
import { manageWidgets } from "./manager";
import { Notice, type Remedy } from "./notice";
import { waitForElement } from "./waitForElement";

const TIMEOUT_MS = 2000;
/** A kernel that was idle this long has lost the request to show the studio. */
const LOST_REQUEST_MS = 10_000;
/** The tab stop of the studio's history. */
const RUN = ".rw-view-history:not([hidden]) .rw-view-run[tabindex='0']";
/** Kernel statuses after which its memory is lost. */
const LOST: Kernel.Status[] = ["restarting", "autorestarting", "dead"];

export interface PanelOptions {
  /** The same after a reload of the page. */
  id: string;
  studio: StudioOptions;
  sessionContext: ISessionContext;
  rendermime: IRenderMimeRegistry;
  contents: Contents.IManager;
  trans: TranslationBundle;
  restart: () => void;
  framesPerSecond: () => number;
  /** What the studio opens as soon as it is shown. */
  delivery?: Delivery | undefined;
}

/** Whether paint or runs would be lost with the kernel, and whether there is a painting, which is kept. */
export interface UnsavedWork {
  unsaved: boolean;
  painted: boolean;
}

/** Sent by Python along with a studio's widget. */
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

  /** Call it once the session is ready. */
  async start(): Promise<void> {
    this.notice.inform(this.trans.__("Opening the studio …"));
    const { sessionContext, rendermime, contents } = this.options;
    sessionContext.statusChanged.connect(this.follow, this);
    sessionContext.kernelChanged.connect((_, { oldValue, newValue }) => {
      if (!newValue) this.warnEnded();
      else if (oldValue || this.lost) void this.open();
    });
    // The kernel loads the widgets while JupyterLab does. Errors show up in the execution that follows.
    const warming = sessionContext.session?.kernel?.requestExecute({
      code: PRELOAD,
      silent: true,
      store_history: false,
    });
    warming?.done.catch(() => undefined);
    try {
      const registration = await manageWidgets(sessionContext, rendermime, contents);
      if (this.isDisposed) registration.dispose();
      else this.registration = registration;
    } catch (error) {
      this.notice.warn(
        this.trans.__(
          "JupyterLab could not load its widgets (%1). Install ipywidgets next to it, and reload the page.",
          error instanceof Error ? error.message : String(error),
        ),
      );
      this.opened.resolve();
      return;
    }
    await this.open();
    this.opened.resolve();
  }

  /** Scrolls to the runs of this studio, or says that there are none. */
  async showHistory(): Promise<void> {
    await this.opened.promise;
    const run = await waitForElement(this.node, RUN, TIMEOUT_MS);
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

  /** Has a studio that is open already follow the settings; one that is being opened is info them when it is. */
  async setFrameRate(): Promise<void> {
    await this.opened.promise;
    const kernel = this.sessionContext.session?.kernel;
    if (this.isDisposed || !isAlive(kernel)) return;
    const request = kernel.requestExecute({
      code: setFrameRate(this.options.framesPerSecond()),
      silent: true,
      store_history: false,
    });
    await request.done.catch(() => undefined); // A restarted kernel gets the setting when it shows the studio.
  }

  /** What would be lost with the kernel; undefined where that cannot be known. */
  async unsavedWork(): Promise<UnsavedWork | undefined> {
    const kernel = this.sessionContext.session?.kernel;
    if (!isAlive(kernel)) return { unsaved: false, painted: true };
    const value = await valueOf(kernel, UNSAVED_WORK, TIMEOUT_MS);
    // A kernel without the studio has nothing to lose.
    return value === undefined ? undefined : { unsaved: value.startsWith("(True"), painted: value.endsWith("True)") };
  }

  /** The model; undefined while there is no studio. */
  get about(): About | undefined {
    const { model } = this.output;
    for (let index = 0; index < model.length; index++) {
      const about = model.get(index).data[ABOUT_MIME] as About | undefined;
      if (about) return about;
    }
    return undefined;
  }

  private async open(): Promise<void> {
    const { id, studio, sessionContext, framesPerSecond } = this.options;
    const lost = this.lost;
    this.lost = undefined;
    try {
      const code = show(studio, framesPerSecond());
      const reply = await untilAnswered(
        () => SimplifiedOutputArea.execute(code, this.output, sessionContext, { cellId: id }),
        sessionContext,
        LOST_REQUEST_MS,
      );
      if (this.isDisposed) return;
      if (reply?.content.status === "ok") await this.handOver();
      if (reply?.content.status === "error") this.explain(reply.content.ename, reply.content.evalue);
      else if (lost === "autorestarting") this.notice.warn(this.diedText(), this.understood);
      else this.notice.clear();
    } catch (error) {
      if (this.isDisposed || this.isLost()) return;
      this.explain("", error instanceof Error ? error.message : String(error));
    }
  }

  /** Sends the delivery. It is kept, even over a restart, until the kernel has all of it. */
  private async handOver(): Promise<void> {
    const kernel = this.sessionContext.session?.kernel;
    if (!this.delivery || !isAlive(kernel)) return;
    this.notice.inform(this.trans.__("Sending your choice to the studio …"));
    await deliver(this.delivery, kernel);
    this.delivery = undefined;
  }

  private follow(_: ISessionContext, status: Kernel.Status): void {
    if (LOST.includes(status)) {
      this.lost = status;
      if (status === "dead")
        this.notice.warn(
          this.trans.__("The kernel has died. Your painting is kept; restart the kernel to continue."),
          this.restarting,
        );
      else if (status === "autorestarting")
        this.notice.warn(this.trans.__("The kernel has died and is being restarted …"));
      else this.notice.inform(this.trans.__("The kernel is being restarted …"));
    } else if (status === "idle" && this.lost) void this.open();
  }

  /** The kernel was shut down elsewhere, as in JupyterLab's list of running kernels. */
  private warnEnded(): void {
    if (this.isDisposed) return;
    this.lost = "dead";
    this.notice.warn(
      this.trans.__("The kernel was shut down. Your painting is kept; restart the kernel to continue."),
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

  private diedText(): string {
    return this.trans.__(
      "The kernel died and was restarted. Your painting is back; runs that were not saved to a file are lost.",
    );
  }

  private explain(name: string, message: string): void {
    const missing = name === "ModuleNotFoundError" && message.includes("robust_widgets");
    if (missing) this.output.model.clear();
    this.notice.warn(
      missing
        ? this.trans.__(
            "The kernel %1 has no robust-widgets. Install it there with pip, or choose another kernel above.",
            this.sessionContext.kernelDisplayName,
          )
        : this.trans.__("The studio could not be opened (%1). Restart the kernel to try again.", message || name),
    );
  }
}
