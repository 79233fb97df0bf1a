// Annotations: a query's values as moments or stretches of time, and switches for them. Ours.
import { rangeUtil } from '@grafana/data';
import { ControlsLabel, SceneObjectBase } from '@grafana/scenes';
import { of } from 'rxjs';
import { fillLabels } from './frames.js';

const STEP = '60s';

export const marksSupport = {
  getDefaultQuery: () => ({}),
  prepareAnnotation: (annotation) => annotation,
  prepareQuery: (annotation) => ({
    refId: 'Anno',
    interval: annotation.step || STEP,
    expr: annotation.expr || annotation.target?.expr,
  }),
  processEvents: (annotation, frames) => of(frames.flatMap((frame) => eventsOf(annotation, frame))),
};

function eventsOf(annotation, { fields: [time, value] }) {
  const labels = value.labels ?? {};
  const told = {
    title: fillLabels(annotation.titleFormat || annotation.name, labels),
    text: fillLabels(annotation.textFormat || '', labels),
    tags: (annotation.tagKeys || '').split(',').flatMap((key) => labels[key.trim()] ?? []),
  };
  return stretches(momentsOf(annotation, time, value), annotation).map((stretch) => ({ ...told, ...stretch }));
}

function momentsOf({ useValueForTime }, time, value) {
  return useValueForTime ? value.values.map(Math.floor) : time.values.filter((_, i) => value.values[i] > 0);
}

/** Moments that follow each other within a step are one stretch of time. */
function stretches(moments, { step }) {
  const reach = rangeUtil.intervalToMs(step || STEP);
  const found = [];
  for (const moment of moments) {
    const last = found.at(-1);
    if (last && moment <= last.timeEnd + reach) {
      last.timeEnd = moment;
    } else {
      found.push({ time: moment, timeEnd: moment });
    }
  }
  return found.map(({ time, timeEnd }) => ({ time, timeEnd, isRegion: timeEnd > time }));
}

export class MarksControls extends SceneObjectBase {
  static Component = ({ model }) => model.state.layers.map((reference) => <Switch key={reference.resolve().state.key} layer={reference.resolve()} />);
}

function Switch({ layer }) {
  const { name, isHidden } = layer.useState();
  if (isHidden) {
    return null;
  }
  return (
    <div style={{ display: 'flex' }}>
      <ControlsLabel label={name} htmlFor={`data-layer-${layer.state.key}`} />
      <layer.Component model={layer} />
    </div>
  );
}
