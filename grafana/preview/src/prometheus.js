// A Prometheus data source over the server's /prom. Ours: Grafana's is not on npm under a licence
// that fits. What it does is what the dashboards need, as Grafana documents it.
import { rangeUtil } from '@grafana/data';
import { getTemplateSrv } from '@grafana/runtime';
import { from } from 'rxjs';
import { marksSupport } from './marks.jsx';
import { toFrames } from './frames.js';

const MOST_POINTS = 11000;

export class PrometheusSource {
  constructor(settings, api = '/prom/api/v1') {
    Object.assign(this, { uid: settings.uid, id: settings.id, name: settings.name, meta: settings.meta });
    this.type = settings.type;
    this.interval = settings.jsonData.timeInterval;
    this.api = api;
    this.annotations = marksSupport;
  }

  getRef() {
    return { type: this.type, uid: this.uid };
  }

  query(request) {
    return from(this.answers(request));
  }

  async answers(request) {
    const asked = request.targets.filter((target) => !target.hide && target.expr);
    const tables = asked.filter((target) => target.format === 'table').length;
    const queries = asked.map((target) => this.prepare(target, request, tables));
    const outcomes = await Promise.allSettled(queries.map((query) => this.run(query)));
    const errors = outcomes.flatMap(({ reason }, i) =>
      reason ? [{ refId: queries[i].refId, message: reason.message }] : []
    );
    const data = outcomes.flatMap(({ value }, i) => (value ? toFrames(value, queries[i]) : []));
    return { data, errors, error: errors[0], state: errors.length ? 'Error' : 'Done', key: request.requestId };
  }

  /** The query with everything filled in that Grafana fills in. */
  prepare(target, request, tables) {
    const { range, scopedVars } = request;
    const least = milliseconds(fill(target.interval, scopedVars)) ?? 0;
    const seconds = (range.to.valueOf() - range.from.valueOf()) / 1000;
    const stepMs = Math.max(request.intervalMs || 0, least, (1000 * seconds) / MOST_POINTS, 1);
    const given = { ...scopedVars, ...this.macros(range, stepMs, least) };
    const expression = fill(target.expr, given);
    return {
      refId: target.refId,
      format: target.format,
      instant: target.instant,
      legend: fill(target.legendFormat, given),
      valueName: tables > 1 ? `Value #${target.refId}` : 'Value',
      expression,
      stepMs,
      range,
    };
  }

  macros(range, stepMs, least) {
    const scrape = least || milliseconds(this.interval);
    const rangeMs = range.to.valueOf() - range.from.valueOf();
    const rangeS = Math.max(1, Math.round(rangeMs / 1000));
    const values = {
      __interval: `${stepMs}ms`,
      __interval_ms: stepMs,
      __rate_interval: `${Math.max(stepMs + scrape, 4 * scrape)}ms`,
      __range: `${rangeS}s`,
      __range_s: rangeS,
      __range_ms: rangeMs,
    };
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { text: value, value }]));
  }

  run({ expression, instant, stepMs, range }) {
    const to = range.to.valueOf() / 1000;
    if (instant) {
      return this.get('query', { query: expression, time: to });
    }
    const step = stepMs / 1000;
    const aligned = (moment) => Math.floor(moment / step) * step;
    const start = aligned(range.from.valueOf() / 1000);
    return this.get('query_range', { query: expression, start, end: aligned(to), step });
  }

  async get(path, parameters) {
    const body = new URLSearchParams(Object.entries(parameters));
    const response = await fetch(`${this.api}/${path}?${body}`);
    const answer = await response.json();
    if (answer.status !== 'success') {
      throw new Error(`${answer.error} in: ${parameters.query ?? path}`);
    }
    return answer.data;
  }

  /** What a variable's query finds. */
  async metricFindQuery(asked, { range, scopedVars }) {
    const text = fill(typeof asked === 'string' ? asked : asked.query, {
      ...scopedVars,
      ...this.macros(range, 15000, 0),
    });
    const times = { start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 };
    const [, kind, inner] = /^(label_values|query_result)\(([^]*)\)\s*$/.exec(text.trim()) ?? [];
    if (kind === 'query_result') {
      const found = await this.get('query', { query: inner, time: times.end });
      return resultsOf(found).map((line) => ({ text: line }));
    }
    if (kind === 'label_values') {
      return (await this.labelValues(inner, times)).map((value) => ({ text: value }));
    }
    throw new Error(`this preview does not know the variable query ${text}`);
  }

  labelValues(inner, times) {
    const [, selector, label] = /^(?:([^]*),)?\s*(\w+)\s*$/.exec(inner);
    return this.get(`label/${label}/values`, selector ? { ...times, 'match[]': selector } : times);
  }
}

/** As Grafana's query_result writes them: name{label="value"} value milliseconds. */
function resultsOf({ resultType, result }) {
  const vector = resultType === 'vector' ? result : [{ metric: {}, value: result }];
  return vector.map(({ metric: { __name__ = '', ...labels }, value: [seconds, value] }) => {
    const told = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
    return `${__name__}{${told.join(',')}} ${value} ${seconds * 1000}`;
  });
}

function milliseconds(text) {
  return text ? rangeUtil.intervalToMs(text.replace(/^>/, '')) : undefined;
}

function fill(text, scopedVars) {
  return text && getTemplateSrv().replace(text, scopedVars, toMatcher);
}

/** A variable's value inside a matcher: several are one pattern, and none is more than itself. */
function toMatcher(value, variable) {
  if (!variable.multi && !variable.includeAll) {
    return String(value).replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  }
  const several = [value].flat().map((one) => one.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&'));
  return several.length === 1 ? several[0] : `(${several.join('|')})`;
}

