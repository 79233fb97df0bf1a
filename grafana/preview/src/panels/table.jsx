// Grafana's table.
import { cacheFieldDisplayNames } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';
import { Empty } from './empty.jsx';

export function TablePanel({ data, width, height, options, fieldConfig, timeRange }) {
  cacheFieldDisplayNames(data.series);
  const frame = data.series[0];
  if (!frame?.fields.length || !frame.length) {
    return <Empty fieldConfig={fieldConfig} />;
  }
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={options.showHeader === false}
      showTypeIcons={options.showTypeIcons}
      initialSortBy={options.sortBy}
      enablePagination={options.enablePagination}
      cellHeight={options.cellHeight}
      maxRowHeight={options.maxRowHeight}
      structureRev={data.structureRev}
      fieldConfig={fieldConfig}
      timeRange={timeRange}
      enableVirtualization={false}
      resizable={true}
    />
  );
}
