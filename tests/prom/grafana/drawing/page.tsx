// Draws a dashboard's panels with Grafana's own published components and its own way from values to text and colour.
// What Grafana does not publish, the timeline of states, is drawn as plain bars in the colours that Grafana gives.
import React from 'react';
import { createRoot } from 'react-dom/client';
import data = require('@grafana/data'); // as CommonJS: the other build of the table cannot be bundled
import ui = require('@grafana/ui');
import 'uplot/dist/uPlot.min.css';

const { applyFieldOverrides, createTheme, FieldConfigOptionsRegistry, FieldType, getDisplayProcessor, reduceField, toDataFrame } = data;
const { BigValue, BigValueColorMode, BigValueGraphMode, GlobalStyles, Table, ThemeContext, TimeSeries } = ui;
type DataFrame = data.DataFrame;
type Answer = { legend: string; result: { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] }[] };
declare const DASHBOARD: any, ANSWERS: Record<string, Answer[]>, RANGE: [number, number], STEP: number;

const COLUMN = 56, ROW = 34, HEAD = 30;
const theme = createTheme({ colors: { mode: 'dark' } });

const registry: any = new FieldConfigOptionsRegistry();
const CUSTOM = ['lineStyle', 'lineWidth', 'fillOpacity', 'fillBelowTo', 'spanNulls', 'drawStyle', 'lineInterpolation', 'showPoints', 'stacking', 'thresholdsStyle', 'width'];
const STANDARD = ['unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue', 'links'];
const option = (id: string, path: string, isCustom: boolean) => registry.register({
  id, path, name: id, isCustom, settings: {}, editor: () => null, override: () => null, process: (value: any) => value, shouldApply: () => true,
});
STANDARD.forEach((name) => option(name, name, false));
CUSTOM.forEach((name) => option(`custom.${name}`, name, true));

const overridden = (panel: any, frames: DataFrame[]) => applyFieldOverrides({
  data: frames, fieldConfig: panel.fieldConfig, theme, replaceVariables: (text: string) => text, timeZone: 'utc', fieldConfigRegistry: registry,
} as any);

const named = (legend: string, labels: Record<string, string>) => legend.replace(/{{\s*(\w+)\s*}}/g, (_, key) => labels[key] ?? '') || 'Value';

// As Grafana's data source does: a step without a sample is a null, so that a gap shows as one.
const TIMES = Array.from({ length: Math.round((RANGE[1] - RANGE[0]) / STEP) + 1 }, (_, place) => RANGE[0] + place * STEP);

function lines(panel: any, answers: Answer[]): DataFrame[] {
  const frames = answers.flatMap((answer) => answer.result.map((series) => {
    const name = named(answer.legend, series.metric), found = new Map(series.values!.map(([at, text]) => [Math.round(at), Number(text)]));
    return toDataFrame({ name, fields: [
      { name: 'Time', type: FieldType.time, values: TIMES.map((at) => at * 1000) },
      { name: 'Value', type: FieldType.number, labels: series.metric, values: TIMES.map((at) => found.get(at) ?? null), config: { displayNameFromDS: name } },
    ] });
  }));
  return overridden(panel, frames);
}

function columns(panel: any, answers: Answer[]): DataFrame {
  const rows = answers.flatMap((answer) => answer.result);
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.metric)))].sort();
  const made: any[] = labels.map((label) => ({ name: label, type: FieldType.string, values: rows.map((row) => row.metric[label] ?? '') }));
  made.push({ name: 'Value', type: FieldType.number, values: rows.map((row) => Number(row.value![1])) });
  const organize = panel.transformations?.find((one: any) => one.id === 'organize')?.options ?? {};
  const kept = made.filter((field) => !organize.excludeByName?.[field.name])
    .map((field) => ({ ...field, name: organize.renameByName?.[field.name] ?? field.name }));
  return overridden(panel, [toDataFrame({ fields: kept })])[0];
}

function Lines({ panel, frames, width, height }: any) {
  const range: any = { from: RANGE[0] * 1000, to: RANGE[1] * 1000, raw: {} };
  return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" theme={theme as any} structureRev={1}
    legend={panel.options.legend} options={panel.options} {...({ children: () => null } as any)} />;
}

function Number_({ panel, frames, width, height }: any) {
  const field = frames[0]?.fields[1];
  if (!field) return <i>No data</i>;
  const { lastNotNull } = reduceField({ field, reducers: ['lastNotNull'] });
  const display = field.display ?? getDisplayProcessor({ field, theme });
  return <BigValue width={width} height={height} theme={theme as any} value={display(lastNotNull) as any}
    colorMode={BigValueColorMode.Background} graphMode={BigValueGraphMode.Area} sparkline={{ y: field, x: frames[0].fields[0] } as any} />;
}

function States({ frames, width, height }: any) {
  const thick = Math.min(34, Math.floor((height - 10) / Math.max(1, frames.length))), left = 140;
  const x = (at: number) => left + ((at / 1000 - RANGE[0]) / (RANGE[1] - RANGE[0])) * (width - left);
  return <svg width={width} height={height}>{frames.map((frame: any, row: number) => {
    const [times, states] = frame.fields, step = x(times.values[1] ?? 0) - x(times.values[0]);
    return <g key={row}>
      <text x={left - 8} y={row * thick + thick / 2 + 4} fill="#ccccdc" fontSize={12} textAnchor="end">{states.config.displayNameFromDS}</text>
      {times.values.map((at: number, place: number) => states.values[place] !== null &&
        <rect key={place} x={x(at)} y={row * thick + 3} width={step + 0.7} height={thick - 6} fill={states.display(states.values[place]).color} />)}
    </g>;
  })}</svg>;
}

function Panel({ panel }: any) {
  const answers = ANSWERS[panel.id] ?? [];
  const outer = { width: panel.gridPos.w * COLUMN - 8, height: panel.gridPos.h * ROW - 8 };
  const inner = { width: outer.width - 16, height: outer.height - HEAD };
  const drawn = () => {
    if (panel.type === 'table') return <Table data={columns(panel, answers)} {...inner} />;
    const frames = lines(panel, answers);
    if (!frames.length) return <i>No data</i>;
    if (panel.type === 'timeseries') return <Lines panel={panel} frames={frames} {...inner} />;
    if (panel.type === 'stat') return <Number_ panel={panel} frames={frames} {...inner} />;
    return <States frames={frames} {...inner} />;
  };
  return <section style={{ position: 'absolute', left: panel.gridPos.x * COLUMN, top: panel.gridPos.y * ROW, ...outer, background: '#181b1f', padding: '4px 8px', overflow: 'hidden' }}>
    <b style={{ fontSize: 14 }}>{panel.title}</b><div>{drawn()}</div>
  </section>;
}

class Guard extends React.Component<any, { error: Error | null }> {
  state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) { return { error }; }
  render() { return this.state.error ? <pre className="failed">{`${this.props.title}: ${this.state.error.stack}`}</pre> : this.props.children; }
}

const bottom = Math.max(...DASHBOARD.panels.map((panel: any) => panel.gridPos.y + panel.gridPos.h));
createRoot(document.getElementById('root')!).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles isExtensionSidebarOpen={false} />
    <h3 style={{ margin: 8 }}>{DASHBOARD.title}</h3>
    <div id="panels" style={{ position: 'relative', width: 24 * COLUMN, height: bottom * ROW }}>
      {DASHBOARD.panels.map((panel: any) => <Guard key={panel.id} title={panel.title}><Panel panel={panel} /></Guard>)}
    </div>
  </ThemeContext.Provider>,
);
