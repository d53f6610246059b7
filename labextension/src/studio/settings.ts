/** What a person has set in JupyterLab's settings. */
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

export interface Settings {
  /** Whether to ask before something unsaved is closed. */
  confirmClose: boolean;
  /** The model of new studios; "" for the shipped one. */
  model: string;
}

/** Hands on the settings now, and again after each change. */
export async function readSettings(
  registry: ISettingRegistry,
  plugin: string,
  take: (settings: Settings) => void,
): Promise<void> {
  const settings = await registry.load(plugin);
  const read = () => {
    const { confirmClose, model } = settings.composite;
    take({ confirmClose: confirmClose !== false, model: typeof model === "string" ? model.trim() : "" });
  };
  settings.changed.connect(read);
  read();
}
