// Puts the page into one file: node build.mjs [FOLDER], by default dist/.
import { build } from 'esbuild';
import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = process.argv[2] ?? here('dist');

// Each of Grafana's packages must be there once, whichever of its forms another one asks for.
const once = {
  name: 'once',
  setup(build) {
    build.onResolve({ filter: /^@grafana\/(data|i18n|runtime|schema|ui)(\/unstable)?$/ }, ({ path }) => {
      const [, name, part = '/index'] = /^@grafana\/(\w+)(\/unstable)?$/.exec(path);
      return { path: here(`node_modules/@grafana/${name}/dist/cjs${part}.cjs`) };
    });
    build.onResolve({ filter: /^monaco-editor|^@monaco-editor/ }, () => ({ path: here('src/absent.js') }));
  },
};

await build({
  entryPoints: { page: here('src/main.jsx') },
  outdir: folder,
  bundle: true,
  minify: true,
  jsx: 'automatic',
  mainFields: ['browser', 'main', 'module'],
  alias: { '@grafana/scenes': here('node_modules/@grafana/scenes/dist/index.js') },
  plugins: [once],
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff2': 'dataurl', '.woff': 'empty', '.ttf': 'empty' },
  logLevel: 'warning',
});
await cp(here('node_modules/@grafana/ui/dist/public'), `${folder}/public/build`, { recursive: true });
for (const [file, name] of Object.entries({ '400-normal': 'Regular', '400-italic': 'Italic', '500-normal': 'Medium' })) {
  const font = here(`node_modules/@fontsource/inter/files/inter-latin-${file}.woff2`);
  await cp(font, `${folder}/public/fonts/inter/Inter-${name}.woff2`);
}
