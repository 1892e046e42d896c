/** Folders whose names outlast a loss of power. */
import { open } from 'node:fs/promises';

/** A new name is durable only when its folder is. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
