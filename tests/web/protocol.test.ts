// The protocol's types against those generated from the C++ bindings: the type check fails where they part.
import { describe, expectTypeOf, it } from 'vitest';
import type * as wasm from '#wasm';
import type {
  CouplingConfig,
  DataConfig,
  ExperimentConfig,
  LossWeightingConfig,
  Metrics,
  Problem,
  SamplerConfig,
  ScheduleConfig,
  Tier,
  TimeLawConfig,
} from '../../web/src/engine/protocol';

describe('the protocol', () => {
  it('takes the configurations that the core takes, field by field', () => {
    expectTypeOf<ExperimentConfig>().toExtend<wasm.ExperimentConfig>();
    expectTypeOf<keyof ExperimentConfig>().toEqualTypeOf<keyof wasm.ExperimentConfig>();
    expectTypeOf<DataConfig>().toExtend<wasm.DataConfig>();
    expectTypeOf<keyof DataConfig>().toEqualTypeOf<keyof wasm.DataConfig>();
    expectTypeOf<keyof ScheduleConfig>().toEqualTypeOf<keyof wasm.ScheduleConfig>();
    expectTypeOf<keyof TimeLawConfig>().toEqualTypeOf<keyof wasm.TimeLawConfig>();
    expectTypeOf<keyof LossWeightingConfig>().toEqualTypeOf<keyof wasm.LossWeightingConfig>();
    expectTypeOf<keyof CouplingConfig>().toEqualTypeOf<keyof wasm.CouplingConfig>();
    expectTypeOf<SamplerConfig>().toExtend<wasm.SamplerConfig>();
    expectTypeOf<keyof SamplerConfig>().toEqualTypeOf<keyof wasm.SamplerConfig>();
  });

  it('passes on what the core measures and finds wrong', () => {
    expectTypeOf<Tier>().toEqualTypeOf<wasm.Tier>();
    expectTypeOf<keyof Problem>().toEqualTypeOf<keyof wasm.Problem>();
    expectTypeOf<
      Omit<Metrics, 'count' | 'stepsDone' | 'seconds'>
    >().toEqualTypeOf<wasm.EvaluationResult>();
  });
});
