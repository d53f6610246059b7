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
import { show, UNSAVED, type Wish } from "./code";
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
}

export class StudioPanel extends Panel {
  readonly sessionContext: ISessionContext;
  private readonly notice = new Notice();
  private readonly output: SimplifiedOutputArea;
  private readonly trans: TranslationBundle;
  private registration: IDisposable | undefined;
  private lost: Kernel.Status | undefined;
  private readonly opened = new PromiseDelegate<void>();

  constructor(private readonly options: PanelOptions) {
    super();
    this.addClass("rw-tab");
    this.sessionContext = options.sessionContext;
    this.trans = options.trans;
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
    this.notice.say(this.trans.__("The studio is being opened …"));
    const { sessionContext, rendermime, contents } = this.options;
    sessionContext.statusChanged.connect(this.follow, this);
    sessionContext.kernelChanged.connect((_, { oldValue, newValue }) => {
      if (oldValue && newValue) void this.open();
    });
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
      this.notice.say(
        this.trans.__("There are no runs yet. Paint, choose a class and press Run: each run is kept under the result."),
        this.understood,
      );
  }

  /** Whether something would be lost with the kernel; undefined where that cannot be known. */
  async isUnsaved(): Promise<boolean | undefined> {
    const kernel = this.sessionContext.session?.kernel;
    if (!kernel || kernel.status === "dead" || kernel.connectionStatus !== "connected") return false;
    const asked = kernel.requestExecute({ code: "", silent: true, user_expressions: { unsaved: UNSAVED } });
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), MOST_MILLISECONDS));
    const reply = await Promise.race([asked.done, late]);
    if (reply?.content.status !== "ok") return undefined;
    const { data } = (reply.content.user_expressions["unsaved"] ?? {}) as { data?: Record<string, unknown> };
    // A kernel without the studio has nothing to lose.
    return data?.["text/plain"] === "True";
  }

  private async open(): Promise<void> {
    const { id, wish, sessionContext } = this.options;
    const lost = this.lost;
    this.lost = undefined;
    try {
      const reply = await SimplifiedOutputArea.execute(show(wish), this.output, sessionContext, { cellId: id });
      if (this.isDisposed) return;
      if (reply?.content.status === "error") this.explain(reply.content.ename, reply.content.evalue);
      else if (lost === "autorestarting") this.notice.warn(this.diedWords(), this.understood);
      else this.notice.clear();
    } catch (error) {
      if (this.isDisposed || this.isLost()) return;
      this.explain("", error instanceof Error ? error.message : String(error));
    }
  }

  private follow(_: ISessionContext, status: Kernel.Status): void {
    if (LOST.includes(status)) {
      this.lost = status;
      if (status === "dead") {
        const restart = { label: this.trans.__("Restart the kernel"), act: this.options.restart };
        this.notice.warn(
          this.trans.__("The kernel has died. Your painting is kept; restart the kernel to go on."),
          restart,
        );
      } else if (status === "autorestarting")
        this.notice.warn(this.trans.__("The kernel has died and is being restarted …"));
      else this.notice.say(this.trans.__("The kernel is being restarted …"));
    } else if (status === "idle" && this.lost) void this.open();
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
