// No answer is lost with a connection, a relay or a tab, and no silence is shown as an answer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OPTIONS, Puppet, Relay, close, gate, launch, live, open, says, way } from './kit.mjs';

before(launch);
after(close);

const stale = (page) => page.getByRole('region', { name: 'Not live' });

test('an answer that is given without a relay is kept, can be taken back, and is sent when it returns', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'kept', 'Kept');
  await puppet.tell(['node', { node_id: 'a', status: 'running' }], ['gate', { gate_id: 'g', title: 'Go on?', payload: { to: 'prod' }, options: OPTIONS }], ['consume', { gate_id: 'g' }]);
  const page = await open(t, `${relay.url}/#kept`, { lost: true });
  const card = gate(page, 'Go on?');
  await card.waitFor();
  await relay.kill();
  await says(stale(page), 'Not live.');
  // A clock that goes on would look live.
  const facts = page.locator('#facts');
  await says(facts, /for 0:/);
  const stopped = await facts.innerText();
  await says(stale(page), /What is shown is ([2-9]|\d\d) s old/);
  assert.equal(await facts.innerText(), stopped);

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

test('silence, a withdrawal and an absent engine are shown as what they are', async (t) => {
  const relay = await Relay.start(t);
  const puppet = new Puppet(t, relay, 'silence', 'Silence');
  const page = await open(t, `${relay.url}/#silence`);
  await puppet.tell(['gate', { gate_id: 'late', title: 'In time?', deadline: 1.5, options: OPTIONS }], ['gate', { gate_id: 'back', title: 'Still wanted?', options: OPTIONS }]);
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
