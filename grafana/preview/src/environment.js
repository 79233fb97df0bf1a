// What Grafana's components expect to find around them, which a Grafana server's page would set.
import { createTheme, EventBusSrv, LoadingState, locationUtil } from '@grafana/data';
import {
  config,
  setAppEvents,
  setDataSourceSrv,
  setPluginImportUtils,
  setRunRequest,
  setTemplateSrv,
} from '@grafana/runtime';
import { sceneGraph } from '@grafana/scenes';
import { catchError, from, map, of } from 'rxjs';
import { plugins } from './panels/index.js';
import { PrometheusSource } from './prometheus.js';
import { registerEverything } from './registries.js';
import { noteError } from './report.js';

/** Prepares everything; `currentScene` tells the scene once there is one. */
export function prepare({ theme, scrapeInterval, currentScene }) {
  config.theme2 = createTheme({ colors: { mode: theme } });
  config.buildInfo = { ...config.buildInfo, version: '12.4.10' };
  config.bootData.user = { ...config.bootData.user, timezone: 'browser', weekStart: 'monday' };
  registerEverything();
  setAppEvents(new EventBusSrv());
  setTemplateSrv(templates(currentScene));
  setDataSourceSrv(sources(scrapeInterval, currentScene));
  setRunRequest(runRequest);
  setPluginImportUtils({
    importPanelPlugin: async (id) => knownPlugin(id),
    getPanelPluginFromCache: (id) => plugins[id],
  });
  locationUtil.initialize({
    config,
    getVariablesUrlParams: () => ({}),
    getTimeRangeForUrl: () => sceneGraph.getTimeRange(currentScene()).state,
  });
}

function knownPlugin(id) {
  if (!plugins[id]) {
    noteError(`this preview does not know the panel type ${id}`);
    throw new Error(`unknown panel type ${id}`);
  }
  return plugins[id];
}

function templates(currentScene) {
  const sceneOf = (variables) => variables?.__sceneObject?.value?.valueOf() ?? currentScene();
  return {
    getVariables: () => [],
    containsTemplate: (text) => /\$|\[\[/.test(text ?? ''),
    updateTimeRange: () => {},
    replace: (text, variables, format) =>
      text === undefined ? '' : sceneGraph.interpolate(sceneOf(variables), text, variables, format),
  };
}

/** One Prometheus, to which every reference to a data source leads, once its variable is filled in. */
function sources(scrapeInterval, currentScene) {
  const settings = {
    id: 1,
    uid: 'prometheus',
    name: 'Prometheus',
    type: 'prometheus',
    isDefault: true,
    access: 'proxy',
    jsonData: { timeInterval: scrapeInterval },
    meta: { id: 'prometheus', name: 'Prometheus', metrics: true, info: { logos: { small: '' } } },
  };
  const source = new PrometheusSource(settings);
  const known = (reference, variables) => {
    const uid = typeof reference === 'string' ? reference : (reference?.uid ?? settings.uid);
    const filled = templates(currentScene).replace(uid, variables);
    if (filled !== settings.uid && filled !== 'default') {
      throw new Error(`there is no data source ${filled}`);
    }
    return true;
  };
  return {
    get: async (reference, variables) => known(reference, variables) && source,
    getInstanceSettings: (reference, variables) => known(reference, variables) && settings,
    getList: () => [settings],
    reload: () => {},
  };
}

/** Runs a panel's queries; an error is the panel's, and is noted. */
function runRequest(source, request) {
  const begun = { series: [], timeRange: request.range, request };
  const finished = (response) => {
    (response.errors ?? []).forEach((error) => noteError(`query ${error.refId}: ${error.message}`));
    return { ...begun, state: response.state, series: response.data, errors: response.errors, error: response.error };
  };
  const failed = (error) => {
    noteError(`query: ${error.message}`);
    return of({ ...begun, state: LoadingState.Error, error: { message: error.message } });
  };
  return from(source.query(request)).pipe(map(finished), catchError(failed));
}

