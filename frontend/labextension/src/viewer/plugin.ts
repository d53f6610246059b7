/** Opens saved runs from the file browser. */
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import { ABCWidgetFactory, DocumentWidget, type DocumentRegistry } from "@jupyterlab/docregistry";
import { ITranslator, nullTranslator, type TranslationBundle } from "@jupyterlab/translation";
import { runIcon } from "../icons";
import { Viewer } from "./viewer";

export const FILE_TYPE = "robust-widgets-run";
const FACTORY = "Robust Run";

class ViewerFactory extends ABCWidgetFactory<DocumentWidget<Viewer>> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions<DocumentWidget<Viewer>>,
    private readonly trans: TranslationBundle,
  ) {
    super(options);
  }

  protected override createNewWidget(context: DocumentRegistry.Context): DocumentWidget<Viewer> {
    return new DocumentWidget({ content: new Viewer(context, this.trans), context });
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
    const factory = new ViewerFactory(
      {
        name: FACTORY,
        label: trans.__("Robust Run"),
        modelName: "base64",
        fileTypes: [FILE_TYPE],
        defaultFor: [FILE_TYPE],
        readOnly: true,
      },
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
