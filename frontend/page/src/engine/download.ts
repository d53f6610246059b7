/** Loads the files of a page. */
import { UserError } from "./errors";

/** The bytes of a file. */
export async function download(address: URL): Promise<ArrayBuffer> {
  const name = nameOf(address);
  try {
    const response = await fetch(address);
    if (response.ok) return await response.arrayBuffer();
    const { status } = response;
    throw new UserError("download-missing", `${name} is missing on the server (${status}); upload the whole folder.`, {
      name,
      status,
    });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("download-cut", `${name} could not be downloaded; check the connection and reload the page.`, {
      name,
    });
  }
}

/** The error for a file with another content than it should have. */
export function damaged(address: URL): UserError {
  const name = nameOf(address);
  return new UserError("file-damaged", `${name} is damaged; reload the page, or upload the whole folder again.`, {
    name,
  });
}

function nameOf(address: URL): string {
  return address.pathname.split("/").pop() ?? address.pathname;
}
