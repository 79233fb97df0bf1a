// What shot.mjs and the tests ask of a page: is it drawn, what went wrong, what does it say.
import { sceneGraph, VizPanel } from '@grafana/scenes';

const errors = [];

export function noteError(message) {
  errors.push(message);
}

/** Makes the answers reachable as window.preview. */
export function report(currentScene) {
  window.addEventListener('error', (event) => noteError(`page: ${event.message}`));
  window.addEventListener('unhandledrejection', (event) => noteError(`page: ${event.reason}`));
  window.preview = {
    errors: () => [...errors, ...variableErrors(currentScene())],
    isDrawn: () => isDrawn(currentScene()),
    panels: () => panelsOf(currentScene()).map(told),
  };
}

function panelsOf(scene) {
  return scene ? sceneGraph.findAllObjects(scene, (object) => object instanceof VizPanel) : [];
}

/** Whether every panel that is on the page has its answer. */
function isDrawn(scene) {
  if (errors.some((message) => message.startsWith('page:'))) {
    return true;
  }
  const shown = panelsOf(scene).filter((panel) => panel.isActive);
  return shown.length > 0 && shown.every((panel) => panel.getPlugin()?.meta.skipDataQuery || hasAnswer(panel));
}

function hasAnswer(panel) {
  return ['Done', 'Error'].includes(sceneGraph.getData(panel).state.data?.state);
}

function told(panel) {
  const element = document.querySelector(`[data-griditem-key="${panel.parent.state.key}"]`);
  const title = sceneGraph.interpolate(panel, panel.state.title).trim();
  const text = (element?.innerText ?? '').replace(title, '').trim();
  const nothing = panel.state.fieldConfig.defaults?.noValue ?? 'No data';
  return {
    title,
    type: panel.state.pluginId,
    shown: panel.isActive,
    text,
    empty: text === nothing || Boolean(element?.querySelector('[data-empty]')),
  };
}

function variableErrors(scene) {
  const found = scene ? sceneGraph.getVariables(scene).state.variables : [];
  return found.flatMap(({ state }) => (state.error ? [`variable ${state.name}: ${state.error}`] : []));
}
