// Writes the README's pictures: the demo at its gate, as everybody sees it. Not a test: fonts differ between machines.
import assert from 'node:assert/strict';
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { close, demo, gate, launch, live, open, root, says } from './kit.mjs';

const folder = process.env.PICTURES ?? path.join(root, 'docs/img');
before(launch);
after(close);

test('the pictures of the README', async (t) => {
  const url = await demo(t);
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ['light', 'dark']) {
    const page = await open(t, url, { colorScheme, deviceScaleFactor: 1, reducedMotion: 'reduce' });
    await live(page);
    await gate(page, 'Release 2.4.0 to production?').waitFor();
    await says(page.locator('#list'), 'to be decided');
    const file = path.join(folder, `page-${colorScheme}.png`);
    await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
    assert.ok((await stat(file)).size < 300_000, `${file} is too large for a README`);
  }
});
