// The protocol's types against those generated from the C++ bindings: the type check fails where they part.
import { describe, expectTypeOf, it } from 'vitest';
import type * as wasm from '#wasm';
import type {
  CouplingConfig,
  DataConfig,
  ExperimentConfig,
  LossWeightingConfig,
  Metrics,
  ParsedPoints,
  Problem,
  SamplerConfig,
  ScheduleConfig,
  StopMemory,
  StopConfig,
  Tier,
  TimeFeatures,
  TimeLawConfig,
  TrainerState,
} from '../../web/src/engine/protocol';
import type { DataSetParameter } from '../../web/src/state/data-set-parameters';

describe('the protocol', () => {
  it('takes the configurations that the core takes, field by field', () => {
    expectTypeOf<ExperimentConfig>().toExtend<wasm.ExperimentConfig>();
    expectTypeOf<keyof ExperimentConfig>().toEqualTypeOf<keyof wasm.ExperimentConfig>();
    expectTypeOf<DataConfig>().toExtend<wasm.ExperimentConfig['data']>();
    expectTypeOf<DataSetParameter>().toExtend<wasm.DataSetParameter>();
    expectTypeOf<ParsedPoints>().toExtend<
      Omit<ReturnType<wasm.MainModule['parsePoints']>, 'problems'>
    >();
    expectTypeOf<keyof StopConfig>().toEqualTypeOf<
      keyof NonNullable<wasm.ExperimentConfig['stop']>
    >();
    expectTypeOf<keyof TimeFeatures>().toEqualTypeOf<keyof wasm.TimeFeatures>();
    expectTypeOf<keyof ScheduleConfig>().toEqualTypeOf<keyof wasm.ScheduleConfig>();
    expectTypeOf<keyof TimeLawConfig>().toEqualTypeOf<keyof wasm.TimeLawConfig>();
    expectTypeOf<keyof LossWeightingConfig>().toEqualTypeOf<keyof wasm.LossWeightingConfig>();
    expectTypeOf<keyof CouplingConfig>().toEqualTypeOf<keyof wasm.CouplingConfig>();
    expectTypeOf<SamplerConfig>().toExtend<wasm.SamplerConfig>();
    expectTypeOf<keyof SamplerConfig>().toEqualTypeOf<keyof wasm.SamplerConfig>();
  });

  it('takes and gives all that a training has come to', () => {
    expectTypeOf<TrainerState>().toEqualTypeOf<wasm.TrainerState>();
    expectTypeOf<StopMemory>().toExtend<wasm.StopMemory>();
    expectTypeOf<keyof StopMemory>().toEqualTypeOf<keyof wasm.StopMemory>();
  });

  it('passes on what the core measures and finds wrong', () => {
    expectTypeOf<Tier>().toEqualTypeOf<wasm.Tier>();
    expectTypeOf<keyof Problem>().toEqualTypeOf<keyof wasm.Problem>();
    expectTypeOf<
      Omit<Metrics, 'count' | 'stepsDone' | 'seconds'>
    >().toEqualTypeOf<wasm.EvaluationResult>();
  });
});
