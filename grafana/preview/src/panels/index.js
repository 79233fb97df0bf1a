// The panel types that the dashboards use, and their options' defaults as Grafana has them.
import { PanelPlugin } from '@grafana/data';
import { BarGaugePanel } from './bargauge.jsx';
import { LinesPanel, TrendPanel } from './lines.jsx';
import { StatPanel } from './stat.jsx';
import { StatesPanel } from './states.jsx';
import { TablePanel } from './table.jsx';
import { TextPanel } from './text.jsx';

const HIDE = { hideFrom: { legend: false, tooltip: false, viz: false } };
const LINES = {
  ...HIDE,
  drawStyle: 'line',
  lineInterpolation: 'linear',
  lineWidth: 1,
  fillOpacity: 0,
  gradientMode: 'none',
  spanNulls: false,
  insertNulls: false,
  showPoints: 'auto',
  pointSize: 5,
  stacking: { mode: 'none', group: 'A' },
  axisPlacement: 'auto',
  axisLabel: '',
  axisColorMode: 'text',
  axisBorderShow: false,
  axisCenteredZero: false,
  axisSoftMin: undefined,
  axisSoftMax: undefined,
  axisWidth: undefined,
  axisGridShow: undefined,
  scaleDistribution: { type: 'linear' },
  thresholdsStyle: { mode: 'off' },
  barAlignment: 0,
  barWidthFactor: 0.6,
  fillBelowTo: undefined,
  lineStyle: undefined,
  lineColor: undefined,
  transform: undefined,
};
const CELLS = {
  ...HIDE,
  align: 'auto',
  inspect: false,
  cellOptions: { type: 'auto' },
  width: undefined,
  minWidth: undefined,
  hidden: undefined,
  filterable: undefined,
  displayMode: undefined,
  wrapText: undefined,
  wrapHeaderText: undefined,
};
const STATES = { ...HIDE, lineWidth: 0, fillOpacity: 70, spanNulls: false, insertNulls: false };
const PALETTE = { mode: 'palette-classic' };
const THRESHOLDS = { mode: 'thresholds' };

export const plugins = {
  timeseries: plugin('timeseries', LinesPanel, LINES, PALETTE),
  trend: plugin('trend', TrendPanel, LINES, PALETTE),
  'state-timeline': plugin('state-timeline', StatesPanel, STATES, { mode: 'continuous-GrYlRd' }),
  stat: plugin('stat', StatPanel, {}, THRESHOLDS),
  bargauge: plugin('bargauge', BarGaugePanel, {}, THRESHOLDS),
  table: plugin('table', TablePanel, CELLS, THRESHOLDS),
  text: plugin('text', TextPanel, {}, THRESHOLDS),
};
plugins.timeseries.setDataSupport({ annotations: true, alertStates: false });
plugins.text.meta.skipDataQuery = true;

function plugin(id, panel, custom, color) {
  const made = new PanelPlugin(panel);
  made.meta = { id, name: id, info: { version: '', logos: {} } };
  made.useFieldConfig({
    standardOptions: { color: { defaultValue: color, settings: {} } },
    useCustomConfig: (builder) => Object.entries(custom).forEach((one) => builder.addCustomEditor(option(one))),
  });
  return made;
}

function option([id, defaultValue]) {
  const nothing = () => null;
  const kept = { process: (value) => value, shouldApply: () => true };
  return { id, path: id, name: id, defaultValue, editor: nothing, override: nothing, ...kept };
}
