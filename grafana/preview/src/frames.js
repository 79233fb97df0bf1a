// What Prometheus answers, as Grafana's data frames. Ours: Grafana's own code for it is not on npm
// under a licence that fits.
import { FieldType, createDataFrame } from '@grafana/data';

/** Frames of one answer. `query` has refId, format, legend, expression, stepMs and valueName. */
export function toFrames(answer, query) {
  const series = seriesOf(answer);
  return query.format === 'table' ? [toTable(series, query)] : series.map((one) => toGraph(one, query));
}

/** The answer as series, whatever its kind: [{ labels, points: [[ms, number]] }]. */
function seriesOf({ resultType, result }) {
  if (resultType === 'matrix') {
    return result.map(({ metric, values }) => ({ labels: metric, points: values.map(toPoint) }));
  }
  if (resultType === 'vector') {
    return result.map(({ metric, value }) => ({ labels: metric, points: [toPoint(value)] }));
  }
  return [{ labels: {}, points: [toPoint(result)] }];
}

function toPoint([seconds, text]) {
  return [Math.round(seconds * 1000), toNumber(text)];
}

function toNumber(text) {
  const infinite = { '+Inf': Infinity, '-Inf': -Infinity };
  return infinite[text] ?? Number(text);
}

function toGraph({ labels, points }, query) {
  const name = legendOf(labels, query);
  return createDataFrame({
    name,
    refId: query.refId,
    fields: [
      {
        name: 'Time',
        type: FieldType.time,
        config: { interval: query.stepMs },
        values: points.map(([time]) => time),
      },
      {
        name: 'Value',
        type: FieldType.number,
        labels: withoutName(labels),
        config: { displayNameFromDS: name },
        values: points.map(([, value]) => value),
      },
    ],
  });
}

function toTable(series, query) {
  const names = [...new Set(series.flatMap(({ labels }) => Object.keys(labels)))].sort();
  const rows = series.flatMap(({ labels, points }) => points.map(([time, value]) => ({ labels, time, value })));
  const columns = names.map((name) => ({
    name,
    type: FieldType.string,
    config: { filterable: true },
    values: rows.map(({ labels }) => labels[name] ?? ''),
  }));
  const fields = [
    { name: 'Time', type: FieldType.time, config: {}, values: rows.map(({ time }) => time) },
    ...columns,
    { name: query.valueName, type: FieldType.number, config: {}, values: rows.map(({ value }) => value) },
  ];
  return createDataFrame({ refId: query.refId, fields: rows.length ? fields : [] });
}

export function fillLabels(pattern, labels) {
  return pattern.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => labels[name] ?? '');
}

function legendOf(labels, { legend, expression }) {
  if (legend && legend !== '__auto') {
    return fillLabels(legend, labels);
  }
  const told = Object.entries(withoutName(labels)).map(([name, value]) => `${name}="${value}"`);
  return (labels.__name__ ?? '') + (told.length ? `{${told.join(', ')}}` : '') || expression;
}

function withoutName({ __name__, ...others }) {
  return others;
}
