// Dashboards of stage 5, written from its description, against the relay: around a provider that behaves, and around a hook
// whose own connections beget further ones for ever after one is lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { build } from './dashboards/build.mjs';
import { OPTIONS, Puppet, Relay, Starter, close, event, launch, nodeIs, open, planned, says, way } from './kit.mjs';

/** For how long the storm is looked at, in milliseconds: as many as the connections of its first half minute. */
const STORM = 30_000;
let pages;
before(async () => { [pages] = await Promise.all([build('stage5.jsx', 'stage5-resilient.jsx'), launch()]); });
after(() => Promise.all([pages.remove(), close()]));

const node = (page, id) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: id, exact: true }) });
const button = (page, name) => page.getByRole('button', { name }).click();
const lines = (page) => page.getByRole('log').locator('li').allInnerTexts();
const status = (page, word) => says(page.getByRole('status'), word);
const say = (message) => event('agentMessage', { agent: 'planner', message });

describe('a dashboard of stage 5', { concurrency: true }, () => {
  it('comes through the storm of its own connections with each event once', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const line = await way(t, relay);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    const page = await open(t, `${line.url}/stage5-resilient.html?run=run`, { lost: true });
    await puppet.tell(['graph', { nodes: ['build'], edges: [] }], say('0'));
    await says(page.getByRole('log'), '0');

    // One connection is lost, and the engine goes on, five times a second.
    line.cut();
    line.mend();
    let told = 0;
    const until = Date.now() + STORM;
    while (Date.now() < until) {
      told += 1;
      await puppet.tell(
        say(String(told)),
        ['cost', { usd: '0.01' }],
        ['node', { node_id: 'build', status: ['running', 'paused'][told % 2] }],
        ['rest', { seconds: 0.2 }],
      );
    }
    await puppet.tell(say('the last'));
    await says(page.getByRole('log'), 'the last');

    const storm = { sockets: page.sockets(), open: page.openSockets() };
    assert.ok(storm.sockets > 15 && storm.open > 5, `there was no storm: ${JSON.stringify(storm)}`);
    // All sockets call one function. What they call it with has an id, but for what states how things are.
    const calls = await page.evaluate(() => window.calls);
    const ids = calls.filter((it) => it.event_id).map((it) => `${it.event_id} ${it.event_type}`);
    const twice = new Set(ids.filter((it, at) => ids.indexOf(it) !== at));
    const came = page.heard.filter((it) => twice.has(`${it.event_id} ${it.event_type}`));
    assert.deepEqual(came.map((it) => `${it.event_type} ${it.seq} on ${it.socket}`), [], `said twice, with ${JSON.stringify(storm)}`);
    const expected = [...Array(told + 1).keys()].map(String).concat('the last');
    const heard = await lines(page);
    assert.deepEqual(expected.filter((it) => !heard.includes(it)), [], `never said, with ${JSON.stringify(storm)}`);
    assert.equal(heard.length, expected.length);
    await says(page.locator('#cost'), (told * 0.01).toFixed(4));
  });

  it('starts a run with its first words', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const starter = new Starter(t, relay, 'default');
    await starter.ready();
    const page = await open(t, `${relay.url}/stage5.html?run=task_1&task=Ship+it&approval=plan:1`);
    const run = await starter.started();
    assert.equal(run.execution_id, 'task_1');
    await starter.tell(planned('build', 'ship'), nodeIs('build', 'running'));
    await status(page, 'executing');
    await says(page.locator('#task'), 'Ship it');
    await says(node(page, 'build'), 'running');
  });

  it('pauses, resumes and cancels', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    // It waits for an answer, so it is at rest when it is asked to pause.
    await puppet.tell(['gate', { gate_id: 'plan:1', node_id: 'plan', title: 'Go?', options: OPTIONS }], ['consume', { gate_id: 'plan:1' }], ['flush', {}]);
    const page = await open(t, `${relay.url}/stage5.html?run=run&approval=plan:1`);
    await says(page.getByRole('dialog'), 'Go?');
    await button(page, 'Pause');
    await status(page, 'paused');
    await button(page, 'Resume');
    await page.hears((all) => all.find((it) => it.event_type === 'workflow_resumed'), 'it never goes on');
    await button(page, 'Cancel');
    assert.equal((await puppet.outcome('plan:1')).refused, 'Cancelled');
    await puppet.tell(['finish', { status: 'cancelled' }]);
    await status(page, 'failed');
    await says(page.locator('#errors'), 'Workflow cancelled');
    // Nothing is left to be paused.
    await button(page, 'Pause');
    await says(page.locator('#errors'), 'PauseError: ');
  });

  it('misses nothing and adds up nothing twice, through cuts and a dead relay', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const line = await way(t, relay);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    await puppet.tell(
      ['graph', { nodes: ['build', 'ship'], edges: [['build', 'ship']] }],
      ['node', { node_id: 'build', status: 'running' }],
      ['cost', { usd: '0.25', total_tokens: 120 }],
      say('one'),
      ['flush', {}],
    );
    const page = await open(t, `${line.url}/stage5.html?run=run&second=200&approval=plan:1`, { lost: true });
    await says(node(page, 'build'), 'running');
    await says(page.locator('#cost'), '0.2500');
    await says(page.locator('#tokens'), '120');
    await says(page.getByRole('log'), 'planner: one');

    line.cut();
    await puppet.tell(
      say('two'),
      ['cost', { usd: '0.5', total_tokens: 30 }],
      ['node', { node_id: 'build', status: 'completed' }],
      ['gate', { gate_id: 'plan:1', node_id: 'ship', title: 'Ship it?', options: OPTIONS }],
      ['flush', {}],
    );
    line.mend();
    await says(node(page, 'build'), 'completed');
    await says(page.getByRole('dialog'), /Ship it\?.*approve.*reject/s);
    await says(page.locator('#cost'), '0.7500');
    await says(page.getByRole('log'), 'planner: two');

    await relay.kill();
    await relay.start();
    await puppet.tell(say('three'), ['cost', { usd: '0.125' }], ['consume', { gate_id: 'plan:1' }]);
    await says(page.locator('#cost'), '0.8750');
    await button(page, 'Approve');
    assert.ok((await puppet.outcome('plan:1')).decision_id);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await says(page.locator('#resolution'), 'approve');
    await button(page, 'Reject');
    await says(page.locator('#errors'), 'ApprovalNotPending: ');

    await puppet.tell(['node', { node_id: 'ship', status: 'completed' }], ['finish', { results: { released: '4.2' } }]);
    await status(page, 'completed');
    await says(page.locator('#results'), '{"released":"4.2"}');
    assert.deepEqual(await lines(page), ['one', 'two', 'three'].map((it) => `planner: ${it}`));
    await says(page.locator('#cost'), '0.8750');
  });
});
