// The relay dies, hangs and comes back: what is old looks old, and an answer that was under way is given once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Puppet, Relay, close, example, gate, launch, live, open, says } from './kit.mjs';

before(launch);
after(close);

const stale = (page) => page.getByRole('region', { name: 'Not live' });
const looksLive = (page) => page.evaluate(() => ({ word: document.body.dataset.live, filter: getComputedStyle(document.querySelector('main')).filter }));

test('a killed relay is seen at once, and an answer that was under way ends applied, once', async (t) => {
  const relay = await Relay.start(t);
  const engine = example(t, relay, 'run');
  const page = await open(t, `${relay.url}/#run`, { lost: true });
  const card = gate(page, 'Deploy ranking v12?');
  await card.getByRole('button', { name: 'Deploy', exact: true }).click();
  await live(page);
  assert.deepEqual(await looksLive(page), { word: 'true', filter: 'none' });

  // The relay gets the answer and dies before it has read it.
  relay.hold();
  await card.getByRole('button', { name: 'Confirm: Deploy' }).click();
  await says(card, '“Deploy”: Sent; the relay has not answered yet.');
  await relay.kill();
  await says(stale(page), /What is shown is \d+ s old, from [\d:]+\./);
  await says(page.getByRole('status', { name: 'Connection' }), 'not connected');
  await says(page.getByRole('alert').first(), 'The connection to the relay is lost');
  assert.deepEqual(await looksLive(page), { word: 'false', filter: 'grayscale(0.85)' });
  assert.ok(await card.getByRole('button', { name: 'Deploy', exact: true }).isDisabled(), 'one answer is under way');

  await relay.start();
  await says(page.getByRole('region', { name: 'Decisions' }), /You, “Deploy”: recorded .* applied/);
  await live(page);
  await stale(page).waitFor({ state: 'hidden' });
  await says(page.getByRole('region', { name: 'Execution', exact: true }), '✓ completed');
  await says(page.getByRole('region', { name: 'Notice' }), 'The relay has lost the history of this execution');
  assert.equal(await engine.ended, 0);
  const ids = new Set(page.decisions().map((it) => it.decision_id));
  assert.ok(page.decisions().length >= 2 && ids.size === 1, 'said again, under the same id');
  const { decision, delivery } = (await relay.state('run')).gates[0];
  assert.deepEqual([[decision.decision_id], delivery], [[...ids], 'applied']);
});

test('a relay that hangs is not shown as live', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'hung', 'Hung');
  await puppet.tell(['node', { node_id: 'a', status: 'running' }]);
  const page = await open(t, `${relay.url}/#hung`, { lost: true });
  await says(page.getByRole('table'), '● running');
  await live(page);
  relay.hold();
  await says(stale(page), 'Not live.');
  relay.program.signal('SIGCONT');
  await live(page);
});
