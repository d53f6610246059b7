/** Opens saved runs from the file browser. */
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import { ABCWidgetFactory, DocumentWidget, TextModelFactory, type DocumentRegistry } from "@jupyterlab/docregistry";
import { ServerConnection, type Contents, type ServiceManager } from "@jupyterlab/services";
import { ITranslator, nullTranslator, type TranslationBundle } from "@jupyterlab/translation";
import { runIcon } from "../icons";
import { UnreadError, Viewer, type ReadFile } from "./viewer";

export const FILE_TYPE = "robust-widgets-run";
const FACTORY = "Robust Run";
const MODEL = "robust-widgets-run";

/** A file that JupyterLab does not load: as text within JSON, one of 400 MB is longer than a string may be. */
class UnloadedModelFactory extends TextModelFactory {
  override get name(): string {
    return MODEL;
  }

  override get contentType(): Contents.ContentType {
    return "file";
  }

  override get fileFormat(): Contents.FileFormat {
    return null;
  }
}

/** Reads files of the server, or of another drive, as they are. */
function reader({ contents, serverSettings }: ServiceManager.IManager): ReadFile {
  return async (path, signal) => {
    const url = await contents.getDownloadUrl(path);
    try {
      const response = await ServerConnection.makeRequest(url, { signal }, serverSettings);
      if (!response.ok) throw new UnreadError(response.statusText);
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw error instanceof UnreadError
        ? error
        : new UnreadError(error instanceof Error ? error.message : String(error));
    }
  };
}

class ViewerFactory extends ABCWidgetFactory<DocumentWidget<Viewer>> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<DocumentWidget<Viewer>>,
    private readonly read: ReadFile,
    private readonly trans: TranslationBundle,
  ) {
    super(options);
  }

  protected override createNewWidget(context: DocumentRegistry.Context): DocumentWidget<Viewer> {
    const content = new Viewer(context, this.read, this.trans);
    return new DocumentWidget({ content, context, reveal: content.loaded });
  }
}

export const viewerPlugin: JupyterFrontEndPlugin<void> = {
  id: "robust-widgets:viewer",
  description: "Plays saved runs, with no kernel.",
  autoStart: true,
  optional: [ILayoutRestorer, ITranslator],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load("robust_widgets");
    app.docRegistry.addFileType({
      name: FILE_TYPE,
      displayName: trans.__("Robust run"),
      extensions: [".rwtrace"],
      mimeTypes: ["application/vnd.robust-widgets.run+zip"],
      contentType: "file",
      fileFormat: "base64",
      icon: runIcon,
    });
    app.docRegistry.addModelFactory(new UnloadedModelFactory());
    const factory = new ViewerFactory(
      {
        name: FACTORY,
        label: trans.__("Robust Run"),
        modelName: MODEL,
        fileTypes: [FILE_TYPE],
        defaultFor: [FILE_TYPE],
        readOnly: true,
      },
      reader(app.serviceManager),
      trans,
    );
    const tracker = new WidgetTracker<DocumentWidget<Viewer>>({ namespace: "robust-widgets-runs" });
    factory.widgetCreated.connect((_, widget) => {
      widget.title.icon = runIcon;
      widget.context.pathChanged.connect(() => void tracker.save(widget));
      void tracker.add(widget);
    });
    app.docRegistry.addWidgetFactory(factory);
    void restorer?.restore(tracker, {
      command: "docmanager:open",
      args: (widget) => ({ path: widget.context.path, factory: FACTORY }),
      name: (widget) => widget.context.path,
    });
  },
};
