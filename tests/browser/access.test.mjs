// The page can be used by everybody: axe finds nothing serious in its main states, and the keyboard is enough.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Relay, close, example, gate, launch, live, open, says } from './kit.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
before(launch);
after(close);

const LOOKS = [
  { name: 'light', colorScheme: 'light', width: 1280, height: 800 },
  { name: 'dark-phone', colorScheme: 'dark', width: 390, height: 844 },
];
/** Nothing serious in this state, in either look. `SHOTS` names a folder for pictures of it, to be looked at. */
async function fine(page, state) {
  for (const { name, colorScheme, width, height } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height });
    if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, `${state}-${name}.png`), animations: 'disabled' });
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    assert.ok(passes.length > 10, 'axe has looked');
    const serious = violations.filter((it) => ['serious', 'critical'].includes(it.impact));
    assert.deepEqual(serious.map((it) => `${state}, ${name}: ${it.id}: ${it.help}: ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`), []);
  }
}

test('the main states, light and dark, in a window and on a phone, by the keyboard alone', async (t) => {
  const relay = await Relay.start(t);
  // The policy is set aside for axe, in this context alone.
  const page = await open(t, relay.url, { lost: true, axe: true });
  await page.evaluate(await readFile(AXE, 'utf8'));
  await live(page);
  await says(page.locator('#empty'), 'Nothing to watch yet.');
  await fine(page, 'empty');

  const engine = example(t, relay, 'access');
  const card = gate(page, 'Deploy ranking v12?');
  await card.waitFor();
  await says(page.locator('#list'), '1 to decide');
  await fine(page, 'gate');

  const focused = () => page.evaluate(() => document.activeElement.textContent);
  for (let at = 0; at < 40 && (await focused()) !== 'Deploy changed'; at += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await says(card.locator('form'), 'What shall happen instead (JSON)');
  await fine(page, 'form');
  // Past the change and the comment.
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');

  await relay.kill();
  await says(page.getByRole('region', { name: 'Not live' }), 'old, from');
  await fine(page, 'stale');
  await relay.start();
  await live(page);
  await card.waitFor();
  assert.equal(await focused(), 'Confirm: Deploy changed', 'a form outlives a lost connection');
  await page.keyboard.press('Enter');
  await says(page.getByRole('region', { name: 'Decisions' }), 'applied');
  await says(page.getByRole('region', { name: 'Execution', exact: true }), 'completed');
  assert.equal(await engine.ended, 0);
  await fine(page, 'end');
});
