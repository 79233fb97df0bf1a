// A state timeline, drawn by us: Grafana's is in its core only. Colours and words are Grafana's.
import { dateTimeFormat, FieldType, getFieldDisplayName } from '@grafana/data';
import { config } from '@grafana/runtime';
import { Empty } from './empty.jsx';

const TICKS = 6;
const NAMES = 150;

export function StatesPanel({ data, timeRange, timeZone, fieldConfig, options }) {
  const rows = data.series.flatMap((frame) => rowsOf(frame, data.series));
  if (rows.length === 0) {
    return <Empty fieldConfig={fieldConfig} />;
  }
  const span = { from: timeRange.from.valueOf(), to: timeRange.to.valueOf() };
  return (
    <div style={{ height: '100%', display: 'flex', flexDirection: 'column', fontSize: 12 }}>
      {rows.map((row) => (
        <Row key={row.name} row={row} span={span} showsValue={options.showValue !== 'never'} />
      ))}
      <Axis span={span} timeZone={timeZone} />
    </div>
  );
}

function rowsOf(frame, all) {
  const time = frame.fields.find((field) => field.type === FieldType.time);
  const values = frame.fields.filter((field) => field !== time && !field.config.custom?.hideFrom?.viz);
  return values.map((field) => ({ name: getFieldDisplayName(field, frame, all), spells: spellsOf(time, field) }));
}

/** Stretches of one state; a gap of several intervals ends one. */
function spellsOf(time, field) {
  const interval = time.config.interval ?? Infinity;
  const spells = [];
  time.values.forEach((moment, i) => {
    const last = spells.at(-1);
    const value = field.values[i];
    if (last && last.value === value && moment - last.to <= 2 * interval) {
      last.to = moment + interval;
      return;
    }
    spells.push({ value, from: moment, to: moment + interval, display: field.display(value) });
  });
  return spells;
}

function Row({ row, span, showsValue }) {
  return (
    <div style={{ display: 'flex', flexGrow: 1, minHeight: 14, alignItems: 'center' }}>
      <div style={{ width: NAMES, paddingRight: 8, textAlign: 'right', overflow: 'hidden', textOverflow: 'ellipsis' }}>
        {row.name}
      </div>
      <div style={{ position: 'relative', flexGrow: 1, height: '80%' }}>
        {row.spells.map((spell) => (
          <Spell key={spell.from} spell={spell} span={span} showsValue={showsValue} />
        ))}
      </div>
    </div>
  );
}

function Spell({ spell, span, showsValue }) {
  const left = share(spell.from, span);
  const width = share(spell.to, span) - left;
  const background = spell.display.color;
  const color = config.theme2.colors.getContrastText(background);
  const place = { position: 'absolute', left: `${100 * left}%`, width: `${100 * width}%`, top: 0, bottom: 0 };
  const inside = { display: 'flex', alignItems: 'center', justifyContent: 'center', overflow: 'hidden' };
  return <div style={{ ...place, ...inside, background, color }}>{showsValue && width > 0.06 && spell.display.text}</div>;
}

function Axis({ span, timeZone }) {
  const moments = Array.from({ length: TICKS }, (_, i) => span.from + ((span.to - span.from) * i) / (TICKS - 1));
  const format = span.to - span.from < 3600e3 ? 'HH:mm:ss' : 'HH:mm';
  return (
    <div style={{ display: 'flex', justifyContent: 'space-between', marginLeft: NAMES }}>
      {moments.map((moment) => (
        <span key={moment}>{dateTimeFormat(moment, { format, timeZone })}</span>
      ))}
    </div>
  );
}

function share(moment, { from, to }) {
  return Math.min(1, Math.max(0, (moment - from) / (to - from)));
}
