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

/** Nothing serious in this state. `SHOTS` names a folder for pictures of it, to be looked at. */
async function fine(page, state) {
  if (process.env.SHOTS) await page.screenshot({ path: path.join(process.env.SHOTS, `${state}.png`), fullPage: true, animations: 'disabled' });
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  assert.ok(passes.length > 10, 'axe has looked');
  const serious = violations.filter((it) => ['serious', 'critical'].includes(it.impact));
  assert.deepEqual(serious.map((it) => `${state}: ${it.id}: ${it.help}: ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`), []);
}

for (const colorScheme of ['light', 'dark']) {
  for (const [name, viewport] of [['wide', { width: 1280, height: 800 }], ['phone', { width: 390, height: 844 }]]) {
    test(`${colorScheme}, ${name}`, async (t) => {
      const relay = await Relay.start(t);
      // The policy is set aside for axe, in this context alone.
      const page = await open(t, relay.url, { lost: true, axe: true, colorScheme, viewport, reducedMotion: 'reduce' });
      const state = (what) => `${what}-${colorScheme}-${name}`;
      await page.evaluate(await readFile(AXE, 'utf8'));
      await live(page);
      await says(page.locator('#empty'), 'Nothing to watch yet.');
      await fine(page, state('empty'));

      const engine = example(t, relay, 'access');
      const card = gate(page, 'Deploy ranking v12?');
      await card.waitFor();
      await says(page.locator('#list'), '1 to decide');
      await fine(page, state('gate'));

      // By the keyboard alone: to the answer, into the form, to its button.
      const change = card.getByRole('button', { name: 'Deploy changed', exact: true });
      for (let at = 0; at < 40 && !(await change.evaluate((it) => it === document.activeElement)); at += 1) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await says(card.locator('form'), 'What shall happen instead (JSON)');
      await fine(page, state('form'));
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');

      await relay.kill();
      await says(page.getByRole('region', { name: 'Not live' }), 'old, from');
      await fine(page, state('stale'));
      await relay.start();
      await live(page);
      await card.waitFor();
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Confirm: Deploy changed', 'a form outlives a lost connection');
      await page.keyboard.press('Enter');
      await says(page.getByRole('region', { name: 'Decisions' }), 'applied');
      await says(page.getByRole('region', { name: 'Execution', exact: true }), 'completed');
      assert.equal(await engine.ended, 0);
      await fine(page, state('end'));
    });
  }
}
