// A dashboard's JSON as a scene: Grafana's library that draws its own dashboards.
import {
  ConstantVariable,
  CustomVariable,
  dataLayers,
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataLayerSet,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  TextBoxVariable,
  VariableValueSelectors,
  VizPanel,
} from '@grafana/scenes';
import { MarksControls } from './marks.jsx';

export function toScene(dashboard) {
  const variables = (dashboard.templating?.list ?? []).map(toVariable);
  const layers = (dashboard.annotations?.list ?? []).filter(isOurs).map(toLayer);
  return new EmbeddedScene({
    key: 'dashboard',
    $timeRange: new SceneTimeRange({ ...dashboard.time, timeZone: dashboard.timezone || 'browser' }),
    $variables: new SceneVariableSet({ variables }),
    $data: new SceneDataLayerSet({ layers }),
    controls: [
      new VariableValueSelectors({}),
      new MarksControls({ layers: layers.map((layer) => layer.getRef()) }),
      new SceneControlsSpacer(),
      new SceneTimePicker({ isOnCanvas: true }),
    ],
    body: new SceneGridLayout({ children: toGrid(dashboard.panels), isLazy: false }),
  });
}

/** Rows that are closed are opened, so that nothing stays unseen. */
export function openRows(scene) {
  const layout = scene.state.body;
  const closed = (child) => child instanceof SceneGridRow && child.state.isCollapsed;
  for (const row of layout.state.children.filter(closed)) {
    layout.toggleRow(row);
  }
}

function isOurs(annotation) {
  return annotation.type !== 'dashboard' && annotation.builtIn !== 1;
}

function toLayer(annotation) {
  return new dataLayers.AnnotationsDataLayer({
    name: annotation.name,
    query: annotation,
    isEnabled: annotation.enable !== false,
    isHidden: Boolean(annotation.hide),
  });
}

const VARIABLES = {
  datasource: ({ query, regex }) => ({ make: DataSourceVariable, pluginId: query, regex }),
  query: ({ query, datasource, regex, refresh, sort, definition }) => ({
    make: QueryVariable,
    query: query ?? definition,
    datasource,
    regex,
    refresh,
    sort,
  }),
  custom: ({ query }) => ({ make: CustomVariable, query }),
  textbox: ({ query, current }) => ({ make: TextBoxVariable, value: current?.value ?? query ?? '' }),
  constant: ({ query }) => ({ make: ConstantVariable, value: query }),
};

function toVariable(json) {
  if (!VARIABLES[json.type]) {
    throw new Error(`this preview does not know variables of type ${json.type}`);
  }
  const { make: Variable, ...own } = VARIABLES[json.type](json);
  const { name, label, hide, includeAll, allValue, current, skipUrlSync } = json;
  const chosen = current?.value ? { value: current.value, text: current.text } : {};
  return new Variable({
    name,
    label,
    hide,
    skipUrlSync,
    ...(Variable === TextBoxVariable || Variable === ConstantVariable
      ? {}
      : { isMulti: Boolean(json.multi), includeAll, allValue, defaultToAll: Boolean(includeAll), ...chosen }),
    ...own,
  });
}

function toGrid(panels) {
  const grid = [];
  let target = grid;
  for (const panel of panels) {
    if (panel.type !== 'row') {
      target.push(toGridItem(panel));
      continue;
    }
    const children = (panel.panels ?? []).map(toGridItem);
    const row = { key: `row-${panel.id}`, title: panel.title, isCollapsed: Boolean(panel.collapsed), y: panel.gridPos.y };
    grid.push(new SceneGridRow({ ...row, children }));
    target = panel.collapsed ? grid : grid.at(-1).state.children;
  }
  return grid;
}

function toGridItem(panel) {
  const { x, y, w, h } = panel.gridPos;
  return new SceneGridItem({ key: `item-${panel.id}`, x, y, width: w, height: h, body: toPanel(panel) });
}

function toPanel(panel) {
  return new VizPanel({
    key: `panel-${panel.id}`,
    title: panel.title,
    description: panel.description,
    pluginId: panel.type,
    pluginVersion: panel.pluginVersion,
    options: panel.options ?? {},
    fieldConfig: panel.fieldConfig ?? { defaults: {}, overrides: [] },
    displayMode: panel.transparent ? 'transparent' : 'default',
    hoverHeader: !panel.title,
    $data: panel.targets ? toData(panel) : undefined,
  });
}

function toData(panel) {
  const $data = new SceneQueryRunner({
    datasource: panel.datasource,
    queries: panel.targets,
    maxDataPoints: panel.maxDataPoints,
    minInterval: panel.interval,
  });
  return new SceneDataTransformer({ $data, transformations: panel.transformations ?? [] });
}
