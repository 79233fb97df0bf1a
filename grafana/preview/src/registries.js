// The field options and transformations that a dashboard may name.
import {
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  FieldConfigProperty,
  identityOverrideProcessor,
  numberOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';

const PROCESSORS = {
  [FieldConfigProperty.Unit]: unitOverrideProcessor,
  [FieldConfigProperty.Min]: numberOverrideProcessor,
  [FieldConfigProperty.Max]: numberOverrideProcessor,
  [FieldConfigProperty.Decimals]: numberOverrideProcessor,
  [FieldConfigProperty.DisplayName]: displayNameOverrideProcessor,
  [FieldConfigProperty.NoValue]: stringOverrideProcessor,
  [FieldConfigProperty.Thresholds]: thresholdsOverrideProcessor,
  [FieldConfigProperty.Mappings]: valueMappingsOverrideProcessor,
  [FieldConfigProperty.Links]: dataLinksOverrideProcessor,
  [FieldConfigProperty.Color]: identityOverrideProcessor,
  [FieldConfigProperty.Filterable]: booleanOverrideProcessor,
  [FieldConfigProperty.FieldMinMax]: booleanOverrideProcessor,
};

const nothing = () => null;

export function registerEverything() {
  initPluginTranslations('grafana');
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => Object.entries(PROCESSORS).map(fieldOption));
  standardTransformersRegistry.setInit(transformations);
}

function fieldOption([id, process]) {
  return {
    id,
    path: id,
    name: id,
    editor: nothing,
    override: nothing,
    process,
    shouldApply: () => true,
    settings: {},
    getItemsCount: (value) => value?.length ?? 0,
  };
}

function transformations() {
  const byId = new Map(Object.values(standardTransformers).map((transformation) => [transformation.id, transformation]));
  return [...byId.values()].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
    editor: nothing,
  }));
}
