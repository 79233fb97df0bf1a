// Grafana's BigValue, for each value that Grafana's reducing gives.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from '@grafana/data';
import { config } from '@grafana/runtime';
import { BigValue, VizRepeater } from '@grafana/ui';

export function StatPanel({ data, width, height, options, fieldConfig, replaceVariables, timeZone, renderCounter }) {
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] },
      replaceVariables,
      theme: config.theme2,
      data: data.series,
      sparkline: options.graphMode !== 'none',
      timeZone,
    });
  return (
    <VizRepeater
      getValues={getValues}
      getAlignmentFactors={(values) => getDisplayValueAlignmentFactors(values)}
      renderValue={(shown) => <One {...shown} options={options} />}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      autoGrid={true}
      renderCounter={renderCounter}
      orientation={options.orientation ?? VizOrientation.Auto}
    />
  );
}

function One({ value, width, height, alignmentFactors, count, options }) {
  return (
    <BigValue
      value={value.display}
      count={count}
      sparkline={value.sparkline}
      colorMode={options.colorMode ?? 'value'}
      graphMode={options.graphMode ?? 'area'}
      justifyMode={options.justifyMode ?? 'auto'}
      textMode={options.textMode ?? 'auto'}
      alignmentFactors={alignmentFactors}
      text={options.text}
      width={width}
      height={height}
      theme={config.theme2}
      disableWideLayout={options.wideLayout === false}
    />
  );
}
