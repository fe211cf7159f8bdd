// People watch an execution, decide at its gate and see its end: the demo and the README's example.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Relay, close, demo, example, gate, launch, live, open, says, way } from './kit.mjs';

before(launch);
after(close);

const statuses = (page) => page.locator('#nodes tbody tr').evaluateAll((rows) => rows.map((row) => row.cells[0].dataset.s));

test('the demo is watched and decided on', async (t) => {
  const page = await open(t, await demo(t));
  await live(page);
  await says(page.getByRole('banner'), 'memory only: lost when the relay stops');
  await says(page.getByRole('heading', { level: 1 }), 'Release 2.4.0');

  // Nodes end, lines come, money is spent, the graph changes.
  await says(page.getByRole('table').getByRole('row', { name: /Fetch sources/ }), '✓ completed');
  await page.locator('#graph g[data-s=completed]').filter({ hasText: 'Fetch sources' }).waitFor();
  await says(page.getByRole('log'), '14 commits since 2.3.2');
  await says(page.getByRole('region', { name: 'Cost' }), '$0.500');
  await says(page.getByRole('region', { name: 'Errors' }), 'payment sandbox did not answer');
  await says(page.getByRole('table'), 'Deep scan');

  // The form shows what is asked for, and one click decides nothing.
  const card = gate(page, 'Release 2.4.0 to production?');
  await says(card, '"canary_percent": 10');
  await says(card, 'irreversible');
  await says(card, 'Advice of reviewer (86 % sure)');
  assert.match(await page.title(), /^\(1\) Release 2\.4\.0/);
  await card.getByRole('button', { name: 'Change and release' }).click();
  await card.getByLabel('What shall happen instead (JSON)').fill('{"version": "2.4.0"');
  await card.getByRole('button', { name: 'Confirm: Change and release' }).click();
  await says(card.getByRole('alert'), 'That is not JSON');
  await card.getByRole('button', { name: "Don't release" }).click();
  await card.getByRole('button', { name: "Confirm: Don't release" }).click();
  await says(card.getByRole('alert'), 'This answer needs a comment.');
  assert.deepEqual(page.decisions(), []);

  await says(page.getByRole('row', { name: /Deploy to EU/ }), 'pending');
  await card.getByRole('button', { name: 'Change and release' }).click();
  await card.getByLabel('What shall happen instead (JSON)').fill('{"version": "2.4.0", "regions": ["eu"], "canary_percent": 5}');
  await card.getByLabel('Comment (optional)').fill('Europe first');
  await card.getByRole('button', { name: 'Confirm: Change and release' }).dblclick();
  const decided = page.getByRole('region', { name: 'Decisions' });
  await says(decided, 'decided by local');
  await says(decided, /recorded [\d:]+ \(in memory\) · delivered [\d:]+ · applied/);
  await says(decided, 'Europe first');
  await card.waitFor({ state: 'detached' });
  await decided.getByText('What was decided instead').click();
  await says(decided, '"regions": ["eu"]');
  await says(page.getByRole('row', { name: /Deploy to US/ }), 'skipped');
  await says(page.getByRole('row', { name: /Deploy to EU/ }), /running|completed/);
  await page.locator('#graph g:is([data-s=running], [data-s=completed])').filter({ hasText: 'Deploy to EU' }).waitFor();
  assert.equal(page.decisions().length, 1, 'a double click is one decision');
});

test('who loses the race is told who won, and everybody sees the end', async (t) => {
  const relay = await Relay.start(t);
  const engine = example(t, relay, 'race');
  const winner = await open(t, `${relay.url}/#race`);
  const slow = await way(t, relay);
  const loser = await open(t, `${slow.url}/#race`);
  for (const page of [winner, loser]) await gate(page, 'Deploy ranking v12?').waitFor();

  // The news of the winner's answer are still under way when the loser gives his.
  slow.deafen();
  const card = gate(winner, 'Deploy ranking v12?');
  await card.getByRole('button', { name: 'Deploy', exact: true }).press('Enter');
  await winner.getByLabel('Comment (optional)').waitFor();
  const confirm = card.getByRole('button', { name: 'Confirm: Deploy' });
  await confirm.focus();
  await winner.keyboard.press('Enter');
  await winner.keyboard.press('Enter');
  await says(winner.getByRole('region', { name: 'Decisions' }), /You, “Deploy”: .*applied/);
  const other = gate(loser, 'Deploy ranking v12?');
  await other.getByRole('button', { name: "Don't" }).click();
  await other.getByRole('button', { name: "Confirm: Don't" }).click();
  await says(other, 'the relay has not answered yet');
  slow.mend();
  const told = loser.getByRole('region', { name: 'Decisions' });
  await says(told, /You, “Don't”: Not taken: another page of “local” was first, with “Deploy”, [\d:]+/);
  await says(told, '“Deploy”, decided by local');

  for (const page of [winner, loser]) {
    await says(page.getByRole('region', { name: 'Execution', exact: true }), '✓ completed');
    await says(page.getByRole('region', { name: 'Execution', exact: true }), '6 of 6 nodes done');
    assert.equal(await page.getByRole('button', { name: 'Pause' }).count(), 0, 'what is over is not paused');
    assert.deepEqual(await statuses(page), Array(6).fill('completed'));
    assert.equal(page.decisions().length, 1);
  }
  assert.equal(await engine.ended, 0);
  const { decision } = (await relay.state('race')).gates[0];
  assert.equal(decision.decision_id, winner.decisions()[0].decision_id);
});
