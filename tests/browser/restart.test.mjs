// The relay dies and comes back, lines break, tabs are reloaded: what is old looks old, and no answer is lost or given twice.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OPTIONS, Puppet, Relay, close, example, gate, launch, live, open, says, way } from './kit.mjs';

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
  const time = page.locator('#facts');
  const stopped = await time.innerText();
  await says(stale(page), /What is shown is [2-9] s old/);
  assert.equal(await time.innerText(), stopped, 'a clock that goes on looks live');

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

test('an answer that is given without a relay is kept, can be taken back, and is sent when it returns', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'kept', 'Kept');
  await puppet.tell(['node', { node_id: 'a', status: 'running' }], ['gate', { gate_id: 'g', title: 'Go on?', payload: { to: 'prod' }, options: OPTIONS }], ['consume', { gate_id: 'g' }]);
  const page = await open(t, `${relay.url}/#kept`, { lost: true });
  const card = gate(page, 'Go on?');
  await card.waitFor();
  await relay.kill();
  await says(stale(page), 'Not live.');

  const answer = async (label) => {
    await card.getByRole('button', { name: label, exact: true }).click();
    await says(card.locator('form'), 'your answer is kept in this tab');
    await card.getByRole('button', { name: `Confirm: ${label}` }).click();
    await says(card, `“${label}”: Kept in this tab, not sent yet`);
  };
  await answer('Reject it');
  await card.getByRole('button', { name: 'Take it back' }).click();
  await answer('Ship it');
  assert.deepEqual(page.decisions(), []);

  await relay.start();
  await says(page.getByRole('region', { name: 'Decisions' }), /You, “Ship it”: recorded .* applied/);
  const came = await puppet.outcome('g');
  assert.deepEqual(came, { gate_id: 'g', decision_id: page.decisions()[0].decision_id, consumed: { to: 'prod' } });
});

test('a reload loses no answer', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'again', 'Again');
  await puppet.tell(['gate', { gate_id: 'g', title: 'Go on?', options: OPTIONS }]);
  const line = await way(t, relay);
  const page = await open(t, `${line.url}/#again`);
  const card = gate(page, 'Go on?');
  await card.getByRole('button', { name: 'Ship it' }).click();
  line.mute();
  await card.getByRole('button', { name: 'Confirm: Ship it' }).click();
  await says(card, 'Sent; the relay has not answered yet.');
  assert.equal((await relay.state('again')).gates[0].resolution, 'open');

  await page.reload();
  // Recorded, and the engine has yet to use it: that is not the end, so it outlives a reload too.
  const told = page.getByRole('region', { name: 'Decisions' });
  await says(told, /You, “Ship it”: recorded .* delivered/);
  await page.reload();
  await says(told, /You, “Ship it”: recorded .* delivered/);
  await puppet.tell(['consume', { gate_id: 'g' }]);
  await says(told, /You, “Ship it”: recorded .* delivered .* applied/);
  const ids = new Set(page.decisions().map((it) => it.decision_id));
  assert.deepEqual([...ids], [(await puppet.outcome('g')).decision_id]);
  await page.reload();
  await says(told, 'decided by local');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0, 'what has its last word is not kept');
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

test('silence, a withdrawal and an absent engine are shown as what they are', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'silence', 'Silence');
  const page = await open(t, `${relay.url}/#silence`);
  await puppet.tell(['gate', { gate_id: 'late', title: 'In time?', deadline: 1.5, options: OPTIONS }], ['gate', { gate_id: 'back', title: 'Still wanted?', options: OPTIONS }]);
  await gate(page, 'In time?').waitFor();
  const card = gate(page, 'Still wanted?');
  await card.getByRole('button', { name: 'Reject it' }).click();
  await puppet.tell(['withdraw', { gate_id: 'back', reason: 'done by hand' }]);
  await card.waitFor({ state: 'detached' });
  const decided = page.getByRole('region', { name: 'Decisions' });
  await says(decided, 'Taken back by the engine: done by hand');
  await says(decided, /Expired at [\d:]+: nobody answered in time/);
  assert.doesNotMatch(await decided.innerText(), /reject/i);
  await page.reload();
  await says(decided, 'nobody answered in time');
  assert.doesNotMatch(await decided.innerText(), /reject/i);

  await puppet.kill();
  await says(page.getByRole('region', { name: 'Notice' }), /The engine puppet is gone since [\d:]+/);
});
