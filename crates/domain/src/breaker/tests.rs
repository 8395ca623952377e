use proptest::prelude::*;

use super::*;

/// The rules of the module doc in the plainest form: a list of what happened, read again at every question.
#[derive(Default)]
struct Model {
    state: Option<ModelState>,
    /// Permits given in the present state.
    generation: u64,
}

enum ModelState {
    Closed(Vec<u64>),
    Open(u64),
    Half { asked: u32, ok: u32 },
}

impl Model {
    fn state(&mut self) -> &mut ModelState {
        self.state.get_or_insert(ModelState::Closed(vec![]))
    }

    fn set(&mut self, state: ModelState) {
        self.state = Some(state);
        self.generation += 1;
    }

    fn pass(&mut self, now: u64, c: Config) -> Option<u64> {
        if let ModelState::Open(since) = *self.state()
            && now >= since + c.open_for
        {
            self.set(ModelState::Half { asked: 0, ok: 0 });
        }
        let passes = match self.state() {
            ModelState::Closed(_) => true,
            ModelState::Open(_) => false,
            ModelState::Half { asked, ok } => {
                let free = *asked + *ok < c.probes;
                *asked += u32::from(free);
                free
            }
        };
        passes.then_some(self.generation)
    }

    fn answer(&mut self, generation: u64, answer: Answer, now: u64, c: Config) {
        if generation != self.generation {
            return;
        }
        match (self.state(), answer) {
            (ModelState::Closed(failures), Answer::Fail) => {
                failures.push(now);
                let recent = failures.iter().filter(|t| now - **t < c.within).count();
                if recent >= c.failures {
                    self.set(ModelState::Open(now));
                }
            }
            (ModelState::Half { asked, ok }, Answer::Ok) => {
                *asked -= 1;
                *ok += 1;
                if *ok == c.probes {
                    self.set(ModelState::Closed(vec![]));
                }
            }
            (ModelState::Half { .. }, Answer::Fail) => self.set(ModelState::Open(now)),
            (ModelState::Half { asked, .. }, Answer::Abandon) => *asked -= 1,
            _ => {}
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Ok,
    Fail,
    Abandon,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Pass,
    Answer(usize, Answer),
    AnswersAgain,
}

fn step() -> impl Strategy<Value = Step> {
    let answer =
        prop_oneof![2 => Just(Answer::Fail), 2 => Just(Answer::Ok), 1 => Just(Answer::Abandon)];
    prop_oneof![
        4 => (0u64..4_000).prop_map(Step::Wait),
        1 => (25_000u64..40_000).prop_map(Step::Wait),
        6 => Just(Step::Pass),
        6 => (0usize..8, answer).prop_map(|(i, a)| Step::Answer(i, a)),
        1 => Just(Step::AnswersAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_breaker_does_what_the_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let config = Config::default();
        let (mut breaker, mut model, mut now) = (Breaker::new(config), Model::default(), 0u64);
        let mut permits: Vec<(Permit, u64)> = vec![];
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Pass => {
                    let (real, modelled) = (breaker.try_pass(now), model.pass(now, config));
                    prop_assert_eq!(real.is_some(), modelled.is_some());
                    permits.extend(real.zip(modelled));
                }
                Step::Answer(at, answer) if at < permits.len() => {
                    let (permit, generation) = permits.swap_remove(at);
                    match answer {
                        Answer::Ok => breaker.succeeded(permit),
                        Answer::Fail => breaker.failed(permit, now),
                        Answer::Abandon => breaker.abandoned(permit),
                    }
                    model.answer(generation, answer, now, config);
                }
                Step::Answer(..) => {}
                Step::AnswersAgain => {
                    breaker.answers_again();
                    if let ModelState::Open(_) = model.state() {
                        model.set(ModelState::Half { asked: 0, ok: 0 });
                    }
                }
            }
            let expected = match *model.state() {
                ModelState::Closed(_) => State::Closed,
                ModelState::Open(since) if now < since + config.open_for => State::Open,
                _ => State::HalfOpen,
            };
            prop_assert_eq!(breaker.state(now), expected);
            prop_assert_eq!(breaker.retry_after(now) > 0, expected == State::Open);
        }
    }
}

#[test]
fn five_failures_in_ten_seconds_open_it_and_two_probes_close_it() {
    let mut b = Breaker::new(Config::default());
    for now in 0..5 {
        assert_eq!(b.state(now), State::Closed);
        let permit = b.try_pass(now).unwrap();
        b.failed(permit, now);
    }
    assert_eq!((b.state(4), b.retry_after(4)), (State::Open, 30_000));
    assert!(b.try_pass(30_003).is_none());
    let probes = [b.try_pass(30_004).unwrap(), b.try_pass(30_004).unwrap()];
    assert!(b.try_pass(30_004).is_none(), "no third probe");
    probes.into_iter().for_each(|p| b.succeeded(p));
    assert_eq!(b.state(30_005), State::Closed);
}
