// Grafana's BarGauge, for each value that Grafana's reducing gives.
import { getDisplayValueAlignmentFactors, getFieldDisplayValues, VizOrientation } from '@grafana/data';
import { config } from '@grafana/runtime';
import { BarGauge, VizRepeater } from '@grafana/ui';

export function BarGaugePanel({ data, width, height, options, fieldConfig, replaceVariables, timeZone, renderCounter }) {
  const getValues = () =>
    getFieldDisplayValues({
      fieldConfig,
      reduceOptions: options.reduceOptions ?? { calcs: ['lastNotNull'] },
      replaceVariables,
      theme: config.theme2,
      data: data.series,
      timeZone,
    });
  return (
    <VizRepeater
      getValues={getValues}
      getAlignmentFactors={(values) => getDisplayValueAlignmentFactors(values)}
      renderValue={(shown) => <One {...shown} options={options} />}
      renderCounter={renderCounter}
      width={width}
      height={height}
      minVizHeight={options.minVizHeight ?? 16}
      minVizWidth={options.minVizWidth ?? 8}
      maxVizHeight={options.maxVizHeight ?? 300}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      orientation={options.orientation ?? VizOrientation.Auto}
      source={data}
    />
  );
}

function One({ value: { field, display, view, colIndex }, width, height, orientation, alignmentFactors, count, options }) {
  return (
    <BarGauge
      value={display}
      width={width}
      height={height}
      orientation={orientation}
      field={field}
      text={options.text}
      display={view?.getFieldDisplayProcessor(colIndex)}
      theme={config.theme2}
      itemSpacing={options.displayMode === 'lcd' ? 2 : 10}
      lcdCellWidth={12}
      displayMode={options.displayMode ?? 'gradient'}
      showUnfilled={options.showUnfilled ?? true}
      valueDisplayMode={options.valueMode ?? 'color'}
      namePlacement={options.namePlacement ?? 'auto'}
      alignmentFactors={count > 1 ? alignmentFactors : undefined}
      isOverflow={false}
    />
  );
}
