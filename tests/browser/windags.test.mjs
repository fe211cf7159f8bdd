// A dashboard of WinDAGs, written from its protocol's description alone, against the relay.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { build } from './dashboards/build.mjs';
import { OPTIONS, Puppet, Relay, close, follow, launch, open, says, way } from './kit.mjs';

let pages;
before(async () => { [pages] = await Promise.all([build('windags.jsx'), launch()]); });
after(() => Promise.all([pages.remove(), close()]));

const node = (page, id) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: id, exact: true }) });
const button = (page, name) => page.getByRole('button', { name }).click();
const seqs = (page) => page.heard.filter((it) => it.seq !== undefined);
/** What it is told of itself: that a new relay does not know its execution yet is told as well. */
const errors = (all) => all.filter((it) => it.type === 'error' && it.message !== 'Unknown DAG run');
const gateOf = async (relay) => (await relay.state('run')).gates.find((it) => it.gate_id === 'deploy:1');

describe('a dashboard of WinDAGs', { concurrency: true }, () => {
  it('is shown the state, what happens and the end, through cuts and a dead relay, and decides', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const line = await way(t, relay);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    await puppet.tell(
      ['node', { node_id: 'build', status: 'completed', output: { rows: 12 } }],
      ['cost', { usd: '0.25', budget_usd: '2' }],
      ['flush', {}],
    );
    const page = await open(t, `${line.url}/windags.html?run=run&second=40`, { lost: true });
    await says(node(page, 'build'), 'completed{"rows":12}');
    await says(page.locator('#cost'), '{"spent":0.25,"budget":2}');

    await puppet.tell(
      ['node', { node_id: 'test', status: 'running' }],
      ['emit', { nodeChanged: { nodeId: 'build', metrics: { inputTokens: 812, model: 'small-1' } } }],
      ['emit', { graphMutated: { mutationId: 'm1', mutationKind: 'replace_node', affectedNodeIds: ['test'] } }],
    );
    await says(node(page, 'test'), 'running');
    await says(page.locator('#metrics'), '"model_used":"small-1"');
    await says(page.locator('#mutations'), '["replace_node"]');
    // A node is overwritten with what comes, and it comes whole.
    await says(node(page, 'build'), 'completed{"rows":12}');

    // What happens while it is away it is shown when it comes back.
    line.cut();
    await puppet.tell(
      ['node', { node_id: 'test', status: 'completed', output: 'fine' }],
      ['cost', { usd: '0.25' }],
      ['gate', { gate_id: 'deploy:1', node_id: 'deploy', title: 'Deploy?', options: OPTIONS }],
      ['flush', {}],
    );
    line.mend();
    await says(node(page, 'test'), 'completedfine');
    await says(node(page, 'deploy'), 'paused');
    await says(page.locator('#cost'), '{"spent":0.5,"budget":2}');
    const asked = await page.hears((all) => all.find((it) => it.type === 'human_gate_waiting'), 'the gate is never shown');
    assert.deepEqual([asked.node_id, asked.presentation.outcomes], ['deploy', ['approve', 'reject']]);

    // So it is when the relay dies, and has nothing but what its engine tells it again.
    await relay.kill();
    await relay.start();
    await page.hears((all) => all.filter((it) => it.type === 'human_gate_waiting').length > 1, 'the gate is never shown again');
    await says(page.locator('#cost'), '{"spent":0.5,"budget":2}');
    assert.equal((await gateOf(relay)).resolution, 'open');

    await button(page, 'Approve');
    await puppet.tell(['consume', { gate_id: 'deploy:1' }]);
    assert.ok((await puppet.outcome('deploy:1')).decision_id);
    await says(node(page, 'deploy'), 'running');
    await button(page, 'Reject');
    const refused = await page.hears((all) => errors(all)[0], 'the second decision is not refused');
    assert.equal(refused.node_id, 'deploy');
    assert.match(refused.message, /^Gate deploy already decided: approve/);
    // The same again is no second decision, and silent.
    await button(page, 'Approve');

    await puppet.tell(['node', { node_id: 'deploy', status: 'completed' }], ['finish', { results: { released: '4.2' } }]);
    await says(page.getByRole('status'), 'complete');
    await says(page.locator('#results'), '{"released":"4.2"}');
    assert.equal(errors(page.heard).length, 1, JSON.stringify(errors(page.heard)));
    const { decision } = await gateOf(relay);
    assert.deepEqual([decision.option_id, decision.comment], ['approve', 'approve it']);

    // No record came twice on a connection, and none out of order.
    for (const socket of new Set(page.heard.map((it) => it.socket))) {
      const places = seqs(page).filter((it) => it.socket === socket).map((it) => it.seq);
      assert.deepEqual(places, [...places].sort((a, b) => a - b));
    }
    // Who comes when all is over sees the end.
    const late = await open(t, `${line.url}/windags.html?run=run`);
    await says(late.locator('#results'), '{"released":"4.2"}');
    await says(node(late, 'deploy'), 'completed');
  });

  it('pauses, resumes and cancels', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    // It waits for an answer, so it is at rest when it is asked to pause.
    await puppet.tell(
      ['gate', { gate_id: 'deploy:1', node_id: 'deploy', title: 'Deploy?', options: OPTIONS }],
      ['consume', { gate_id: 'deploy:1' }],
      ['flush', {}],
    );
    const page = await open(t, `${relay.url}/windags.html?run=run`);
    await says(node(page, 'deploy'), 'paused');
    const native = await follow(t, relay, 'run');
    await button(page, 'Pause');
    await native.until((all) => all.find((it) => it.type === 'execution_status' && it.status === 'paused'), 'it is never paused');
    await button(page, 'Resume');
    await native.until((all) => all.find((it) => it.type === 'command_status' && it.command.kind === 'resume' && it.stage === 'applied'), 'it is never resumed');
    await button(page, 'Cancel');
    const outcome = await puppet.outcome('deploy:1');
    assert.equal(outcome.refused, 'Cancelled');
    await puppet.tell(['finish', { status: 'cancelled' }]);
    const end = await page.hears((all) => all.find((it) => it.type === 'error'), 'the end is never told');
    assert.equal(end.message, 'Execution cancelled');
    await says(node(page, 'deploy'), 'skipped');
    // Nothing is left to be paused.
    await button(page, 'Pause');
    await page.hears((all) => all.filter((it) => it.type === 'error').length > 1, 'it is not refused');
  });
});
