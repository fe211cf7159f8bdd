// What an engine sends is shown, whatever it is: nothing of it runs, and the page holds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Puppet, Relay, close, gate, launch, live, open, says } from './kit.mjs';

before(launch);
after(close);

const EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)>{{7*7}}${7*7}';
/** Nothing sticks out of the window, and nothing of the page stands on something else of it. */
const layout = (page) => page.evaluate(() => ({
  wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  overlaps: [...document.querySelectorAll('.card')].filter((it) => it.offsetHeight > 0).map((it) => it.getBoundingClientRect())
    .some((it, at, all) => at > 0 && it.top < all[at - 1].bottom - 1 && it.left < all[at - 1].right - 1 && it.right > all[at - 1].left + 1),
}));
const FLAT = { wider: 0, overlaps: false };

for (const [name, viewport] of [['window', { width: 1280, height: 800 }], ['phone', { width: 390, height: 844 }]]) {
  test(`markup, control characters and long lines in a ${name}`, async (t) => {
    const relay = await Relay.start(t);
    const puppet = new Puppet(t, relay, 'hostile', EVIL);
    const page = await open(t, `${relay.url}/#hostile`, { viewport });
    const long = 'x'.repeat(100_000);
    await puppet.tell(
      ['graph', { nodes: [EVIL, '__proto__', 'constructor', 'toString'].map((id) => ({ node_id: id, label: `${id} ${long.slice(0, 3000)}` })), edges: [['__proto__', 'constructor'], ['constructor', '__proto__']] }],
      ['node', { node_id: '__proto__', status: 'failed', reason: EVIL }],
      ['node', { node_id: EVIL, status: 'running' }],
      ['log', { message: EVIL, node_id: EVIL, logger: EVIL }],
      ['log', { message: long }],
      ['log', { message: '\u202egnp.exe\u202c \u001b[31mred\u001b[0m \u0000' }],
      ['log', { message: 'the last line' }],
      ['gate', {
        gate_id: '__proto__', title: `${EVIL} \u202ednammoc`, prompt: `${EVIL}\n${long.slice(0, 20_000)}`,
        payload: { ['__proto__']: { polluted: true }, markup: EVIL, file: 'invoice\u202efdp.sh', wide: long.slice(0, 50_000), zero: 'pay\u200bpal' },
        context: { ['__proto__']: EVIL },
        options: [{ option_id: '__proto__', label: EVIL, kind: 1, description: EVIL }, { option_id: 'toString', label: 'Change', kind: 3 }],
        advice: [{ source: EVIL, text: EVIL, confidence: 1 }],
      }],
      ['consume', { gate_id: '__proto__' }],
    );
    await says(page.getByRole('log'), 'the last line');
    await live(page);
    const card = page.locator('.gate');
    await says(card, '"__proto__": {"polluted": true}');
    // What turns the direction of text round, or is not to be seen at all, is written out.
    await says(card, 'invoice\\u202efdp.sh');
    await says(card, 'pay\\u200bpal');
    await says(page.getByRole('log'), '\\u202egnp.exe\\u202c \\u001b[31mred');
    await says(page.getByRole('log'), /x{4096} … \(100,000 characters\)/);
    await says(page.getByRole('heading', { level: 1 }), '<img src=x onerror=');
    assert.deepEqual(await layout(page), FLAT);

    // What is changed is sent as it was typed, and the text to be changed is JSON that means the same.
    await card.getByRole('button', { name: 'Change' }).click();
    const typed = await card.getByLabel('What shall happen instead (JSON)').inputValue();
    assert.equal(JSON.parse(typed).file, 'invoice\u202efdp.sh');
    assert.doesNotMatch(typed, /\u202e/);
    await card.getByRole('button', { name: 'Back' }).click();
    await card.locator('button[value=__proto__]').click();
    assert.deepEqual(await layout(page), FLAT);
    await card.getByRole('button', { name: 'Confirm: <img' }).click();
    await says(page.getByRole('region', { name: 'Decisions' }), 'applied');
    assert.deepEqual(await layout(page), FLAT);

    const found = await page.evaluate(() => ({
      polluted: ({}).polluted, elements: document.querySelectorAll('img, main script, [onerror], [onload], iframe').length,
    }));
    assert.deepEqual(found, { polluted: undefined, elements: 0 });
  });
}

test('a graph too large for a picture is a table, and one of 300 is drawn', async (t) => {
  const relay = await Relay.start(t);
  const page = await open(t, relay.url);
  const ids = (count) => Array.from({ length: count }, (_, at) => `n${at}`);
  const edges = (count) => ids(count).slice(1).map((id, at) => [`n${Math.floor(at / 3)}`, id]);
  const puppet = new Puppet(t, relay, 'large', 'Large');
  await puppet.tell(['graph', { nodes: ids(300), edges: edges(300) }]);
  await says(page.getByRole('region', { name: 'Execution', exact: true }), '0 of 300 nodes done');
  await page.waitForFunction(() => document.querySelectorAll('#graph g').length === 300);
  assert.deepEqual(await layout(page), FLAT);

  await puppet.tell(['graph', { nodes: ids(500), edges: edges(500) }], ...ids(500).map((id) => ['node', { node_id: id, status: 'running' }]), ['node', { node_id: 'n499', status: 'failed' }]);
  await says(page.getByRole('region', { name: 'Execution', exact: true }), '499 running · 1 failed');
  await says(page.getByRole('region', { name: 'Graph' }), '500 nodes are too many for a picture');
  await says(page.getByRole('row').nth(1), 'n499');
  assert.equal(await page.locator('#nodes tbody tr').count(), 300);
  assert.deepEqual(await layout(page), FLAT);
});
