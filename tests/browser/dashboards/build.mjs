// Makes pages of the dashboards here, each with one script of its own: what `--assets` serves.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const page = (name) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,"><div id="root"></div><script src="${name}.js"></script>`;

/** A directory with a page for each of these dashboards; with it, how to be rid of it. */
export async function build(...files) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'footplate-dashboards-'));
  await esbuild.build({
    entryPoints: files.map((file) => path.join(here, file)),
    bundle: true,
    outdir: directory,
    format: 'iife',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"', __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
    logLevel: 'warning',
  });
  const names = files.map((file) => path.parse(file).name);
  for (const name of ['index', ...names]) await writeFile(path.join(directory, `${name}.html`), page(name));
  return { directory, remove: () => rm(directory, { recursive: true }) };
}
