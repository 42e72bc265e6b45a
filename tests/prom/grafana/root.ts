import type { Dashboard } from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import type { FieldConfig as TimesLooks, Options as Times } from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type { FieldConfig as StatesLooks, Options as States } from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type { Options as Stat } from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { Options as Table } from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';

export interface Root {
  dashboard: Dashboard;
  timeseries: Partial<Times>;
  'timeseries-looks': Partial<TimesLooks>;
  'state-timeline': Partial<States>;
  'state-timeline-looks': Partial<StatesLooks>;
  stat: Partial<Stat>;
  table: Partial<Table>;
}
