// Draws the dashboard that the address names.
import { GlobalStyles, LinkButton } from '@grafana/ui';
import { ThemeContext } from '@grafana/data';
import { config, locationService, LocationServiceProvider } from '@grafana/runtime';
import { UrlSyncManager } from '@grafana/scenes';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom';
import { openRows, toScene } from './dashboard.js';
import { prepare } from './environment.js';
import { noteError, report } from './report.js';
import './page.css';

let scene;

async function start() {
  const asked = new URLSearchParams(window.location.search);
  const currentScene = () => scene;
  report(currentScene);
  prepare({ theme: asked.get('theme') ?? 'dark', scrapeInterval: asked.get('scrape') ?? '15s', currentScene });
  const name = window.location.pathname.split('/')[2];
  const response = await fetch(`/dashboards/${name}.json`);
  const dashboard = await response.json();
  scene = toScene(dashboard);
  new UrlSyncManager().initSync(scene);
  if (asked.has('open')) {
    openRows(scene);
  }
  createRoot(document.getElementById('root')).render(<Page dashboard={dashboard} />);
}

function Page({ dashboard }) {
  return (
    <ThemeContext.Provider value={config.theme2}>
      <LocationServiceProvider service={locationService}>
        <BrowserRouter>
          <GlobalStyles />
          <Heading dashboard={dashboard} />
          <scene.Component model={scene} />
        </BrowserRouter>
      </LocationServiceProvider>
    </ThemeContext.Provider>
  );
}

function Heading({ dashboard }) {
  return (
    <header>
      <h1>{dashboard.title}</h1>
      {(dashboard.links ?? []).map((link) => (
        <LinkButton key={link.title} variant="secondary" size="sm" icon="external-link-alt">
          {link.title}
        </LinkButton>
      ))}
    </header>
  );
}

start().catch((error) => {
  noteError(`page: ${error.stack}`);
  document.body.append(String(error));
});
