// Dashboards of the executions API, written from its guide and from how its own program behaves, against the relay.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { build } from './dashboards/build.mjs';
import { Puppet, Relay, close, launch, open, says, way } from './kit.mjs';

let pages;
before(async () => { [pages] = await Promise.all([build('executions.jsx', 'executions-vue.js', 'executions-real.jsx'), launch()]); });
after(() => Promise.all([pages.remove(), close()]));

const node = (page, id) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: id, exact: true }) });
const lines = (page) => page.getByRole('log').locator('li').allInnerTexts();
const status = (page, word) => says(page.getByRole('status'), word);
const graph = ['graph', { nodes: ['build', 'test', 'ship'], edges: [['build', 'test'], ['test', 'ship']] }];

describe('a dashboard of the executions API', { concurrency: true }, () => {
  for (const [name, file] of [['React', 'executions'], ['Vue', 'executions-vue']]) {
    it(`in ${name} is shown everything each time that it is opened`, async (t) => {
      const relay = await Relay.start(t, '--assets', pages.directory);
      const line = await way(t, relay);
      const url = `${line.url}/${file}.html?run=run`;
      // It may be there before its execution.
      const page = await open(t, url, { lost: true });
      await status(page, 'pending');
      const puppet = new Puppet(t, relay, 'run', 'Run');
      await puppet.tell(
        graph,
        ['node', { node_id: 'build', status: 'completed', output: { rows: 12 } }],
        ['log', { message: 'one', node_id: 'build' }],
        ['node', { node_id: 'test', status: 'running' }],
        ['log', { message: 'two', level: 'warning' }],
      );
      await says(node(page, 'build'), 'completed{"rows":12}');
      await says(node(page, 'test'), 'running');
      await status(page, 'running');
      await says(page.getByRole('log'), 'two');
      assert.deepEqual(await lines(page), ['info: one', 'warning: two']);

      // It does not come back by itself: its people reload it.
      line.cut();
      await puppet.tell(['node', { node_id: 'test', status: 'completed' }], ['flush', {}]);
      line.mend();
      await relay.kill();
      await relay.start();
      await page.reload();
      await says(node(page, 'test'), 'completed');
      await says(node(page, 'build'), 'completed{"rows":12}');
      await puppet.tell(['log', { message: 'three' }], ['node', { node_id: 'ship', status: 'completed' }], ['finish', { output: { released: '4.2' } }]);
      await status(page, 'completed');
      await says(node(page, 'ship'), 'completed');
      await says(page.locator('#error'), 'null');
      await page.hears((all) => all.find((it) => it.type === 'completion'), 'it is never told the result');
      assert.equal((await lines(page)).filter((it) => it === 'info: three').length, 1);

      const late = await open(t, url);
      await status(late, 'completed');
      await says(node(late, 'build'), 'completed{"rows":12}');
      await says(late.locator('#error'), 'null');
    });

    it(`in ${name} tells a failure from a success`, async (t) => {
      const relay = await Relay.start(t, '--assets', pages.directory);
      const puppet = new Puppet(t, relay, 'run', 'Run');
      await puppet.tell(graph, ['node', { node_id: 'build', status: 'running' }]);
      const page = await open(t, `${relay.url}/${file}.html?run=run`);
      await says(node(page, 'build'), 'running');
      await puppet.tell(['node', { node_id: 'build', status: 'failed', error: 'API key invalid' }], ['finish', { status: 'failed', error: 'API key invalid' }]);
      await says(node(page, 'build'), 'failed');
      await status(page, 'failed');
      await says(page.locator('#error'), 'API key invalid');
      assert.ok(!page.heard.some((it) => it.type === 'completion'), 'that would be a success');
    });
  }

  it('of its own program comes back, and is told no line twice', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const line = await way(t, relay);
    const puppet = new Puppet(t, relay, 'run', 'Run');
    await puppet.tell(graph, ['node', { node_id: 'build', status: 'completed', output: { rows: 12 } }], ['log', { message: 'one' }], ['flush', {}]);
    const page = await open(t, `${line.url}/executions-real.html?run=run&token=a%20token&second=10`, { lost: true });
    await says(node(page, 'build'), 'completed{"rows":12}');
    await says(page.getByRole('log'), 'one');
    await page.hears((all) => all.find((it) => it.type === 'pong'), 'its ping is not answered');
    assert.deepEqual(Object.keys(page.heard.find((it) => it.type === 'pong')), ['type', 'socket']);
    assert.ok(page.said.includes('ping'));

    line.cut();
    await puppet.tell(['log', { message: 'two', level: 'warning' }], ['node', { node_id: 'test', status: 'completed' }], ['flush', {}]);
    line.mend();
    await says(node(page, 'test'), 'completed');
    await says(page.getByRole('log'), 'two');
    // It is back at the new relay before its engine, and is not sent away.
    puppet.signal('SIGSTOP');
    await relay.kill();
    const before = page.sockets();
    await relay.start();
    await page.hears((all) => all.find((it) => it.type === 'pong' && it.socket >= before), 'it never comes back');
    puppet.signal('SIGCONT');
    await puppet.tell(['log', { message: 'three', level: 'error' }], ['flush', {}]);
    await says(page.getByRole('log'), 'three');
    await puppet.tell(['log', { message: 'four' }], ['node', { node_id: 'ship', status: 'completed' }], ['finish', { output: { released: '4.2' } }]);
    await status(page, 'completed');
    await says(page.locator('#result'), '{"released":"4.2"}');
    await says(page.getByRole('log'), 'four');
    // Its levels are in capitals, and its times are dates.
    assert.deepEqual(await lines(page), ['black: dated: one', 'orange: dated: two', 'red: dated: three', 'black: dated: four']);
    assert.ok(page.sockets() >= 3, 'it came back twice');
    assert.ok(!page.heard.some((it) => it.type === 'error'));
  });

  it('of its own program is told that nobody knows an execution, and stays away then', async (t) => {
    const relay = await Relay.start(t, '--assets', pages.directory);
    const page = await open(t, `${relay.url}/executions-real.html?run=nowhere&second=10`);
    await says(page.locator('#error'), 'Execution not found');
    await says(page.locator('#isConnected'), 'false');
    assert.equal(page.sockets(), 1);
  });
});
