// Where tokens count, the page asks for one, believes nothing else, and leaves none in its address.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Relay, atEnd, close, launch, live, open, says } from './kit.mjs';

before(launch);
after(close);

const secret = randomBytes(32).toString('hex');

/** A token of an hour for somebody. */
function token(sub, ...roles) {
  const part = (it) => Buffer.from(JSON.stringify(it)).toString('base64url');
  const iat = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'HS256' })}.${part({ iss: 'https://id.example', aud: 'footplate', sub, roles, iat, exp: iat + 3600 })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function guarded(t) {
  const folder = await mkdtemp(path.join(tmpdir(), 'footplate-token-'));
  atEnd(t, () => rm(folder, { recursive: true }));
  const keys = path.join(folder, 'secret');
  await writeFile(keys, secret, { mode: 0o600 });
  return Relay.start(t, '--auth-keys', keys, '--auth-issuer', 'https://id.example', '--auth-audience', 'footplate');
}

test('who has no token is asked for one, and only one that counts lets in', async (t) => {
  const relay = await guarded(t);
  const page = await open(t, relay.url, { lost: true });
  const field = page.getByLabel('Token');
  await field.waitFor();
  await field.fill('not.a.token');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await says(page.locator('body'), 'The token does not count, or no longer.');
  await field.fill(token('ada', 'decider'));
  await page.keyboard.press('Enter');
  await live(page);
  await field.waitFor({ state: 'hidden' });
  await says(page.getByRole('banner'), 'ada');
});

test('a token in the address is used and taken out of it', async (t) => {
  const relay = await guarded(t);
  const page = await open(t, `${relay.url}?token=${token('bob')}`);
  await live(page);
  await says(page.getByRole('banner'), 'bob');
  assert.equal(new URL(page.url()).search, '');
  assert.equal(await page.evaluate(() => history.length <= 2), true, 'nor does going back show it');
});
