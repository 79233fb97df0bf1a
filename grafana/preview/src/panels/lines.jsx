// Grafana's TimeSeries, over time and (a trend) over a number; the marks of annotations are ours.
import { FieldMatcherID, fieldMatchers, FieldType, isLikelyAscendingVector } from '@grafana/data';
import { config } from '@grafana/runtime';
import { TimeSeries } from '@grafana/ui';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import { Empty } from './empty.jsx';

const LEGEND = { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] };

export function LinesPanel({ data, fieldConfig, ...given }) {
  const frames = useMemo(() => data.series.filter((frame) => has(frame, FieldType.time)), [data.series]);
  if (frames.length === 0) {
    return <Empty fieldConfig={fieldConfig} />;
  }
  return <Lines {...given} data={data} frames={frames} marks={data.annotations ?? []} />;
}

export function TrendPanel({ data, fieldConfig, options, ...given }) {
  const frames = useMemo(() => data.series.filter((frame) => has(frame, FieldType.number)), [data.series]);
  if (frames.length === 0) {
    return <Empty fieldConfig={fieldConfig} />;
  }
  const isX = fieldMatchers.get(FieldMatcherID.byName).get(options.xField);
  const complaint = complaintAbout(frames, isX, options);
  if (complaint) {
    throw new Error(complaint);
  }
  const isY = fieldMatchers.get(FieldMatcherID.numeric).get({});
  const coloured = [numbered(frames[0], isX)];
  return <Lines {...given} data={data} options={options} frames={coloured} marks={[]} fields={{ x: isX, y: isY }} />;
}

/** The palette's colours go to the lines: x takes none, in Grafana too. */
function numbered(frame, isX) {
  const lines = frame.fields.filter((field) => !isX(field, frame, [frame]));
  const fields = frame.fields.map((field) => ({
    ...field,
    state: { ...field.state, seriesIndex: Math.max(0, lines.indexOf(field)) },
  }));
  return { ...frame, fields };
}

function Lines({ data, frames, marks, fields, options, width, height, timeRange, timeZone }) {
  return (
    <TimeSeries
      frames={frames}
      fields={fields}
      structureRev={data.structureRev}
      timeRange={timeRange}
      timeZone={timeZone}
      width={width}
      height={height}
      legend={{ ...LEGEND, ...options.legend }}
      options={options}
    >
      {(plot) => <Marks plot={plot} frames={marks} />}
    </TimeSeries>
  );
}

function has(frame, type) {
  const types = frame.fields.map((field) => field.type);
  return frame.length > 0 && types.includes(type) && types.includes(FieldType.number);
}

/** What Grafana's trend panel would complain about. */
function complaintAbout(frames, isX, { xField }) {
  if (frames.length > 1) {
    return 'a trend takes one frame';
  }
  const x = frames[0].fields.find((field) => isX(field, frames[0], frames));
  if (!x) {
    return `a trend finds no field ${xField}`;
  }
  return x.type === FieldType.number && isLikelyAscendingVector(x.values) ? '' : `${xField} does not rise`;
}

/** A dashed line at each moment, and a tint over each stretch. They may come after the curves. */
function Marks({ plot, frames }) {
  const newest = useRef(frames);
  const drawn = useRef(null);
  newest.current = frames;
  useLayoutEffect(() => {
    plot.addHook('draw', (chart) => {
      drawn.current = chart;
      marksOf(newest.current).forEach((mark) => drawMark(chart, mark));
    });
  }, [plot]);
  useEffect(() => drawn.current?.redraw(), [frames]);
  return null;
}

function marksOf(frames) {
  return frames.flatMap((frame) => {
    const { time = [], timeEnd, color } = Object.fromEntries(frame.fields.map((field) => [field.name, field.values]));
    return time.map((from, i) => ({ from, to: timeEnd[i], color: color?.[i] }));
  });
}

function drawMark({ ctx, bbox, valToPos, scales: { x } }, { from, to, color }) {
  if (to < x.min || from > x.max) {
    return;
  }
  const [left, right] = [Math.max(from, x.min), Math.min(to, x.max)].map((moment) => valToPos(moment, 'x', true));
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = config.theme2.visualization.getColorByName(color ?? 'blue');
  ctx.setLineDash([4, 4]);
  for (const edge of new Set([left, right])) {
    ctx.beginPath();
    ctx.moveTo(edge, bbox.top);
    ctx.lineTo(edge, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.globalAlpha = 0.1;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.restore();
}
