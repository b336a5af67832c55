import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The Chromium of this computer: KMEMLAB_CHROMIUM, or the first on the PATH. Throws with what to do if there is none. */
function chromiumPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [process.env.KMEMLAB_CHROMIUM, ...candidates].find((path) => path !== undefined && existsSync(path));
  if (found === undefined) {
    throw new Error('no Chromium on the PATH: apt-get install chromium, or name one with KMEMLAB_CHROMIUM');
  }
  return found;
}

/** Starts it without a sandbox of its own, which a container's root cannot have; it opens only files of the test. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox', '--disable-dev-shm-usage'] });
