//! What does the user ask for, and how does that change from run to run?

use std::time::Duration;

use crawlite::config::{Config, LimitsConfig, Preset, Size, Span};
use crawlite::engine::Settings;

use super::dice::Dice;

/// The settings that a crawl of a world begins with.
pub(crate) fn first(dice: &mut Dice) -> Config {
    let mut config = Config::default();
    for number in 0..WISHES {
        wish(dice, &mut config, number);
    }
    config
}

/// The same with some of the settings changed.
pub(crate) fn changed(dice: &mut Dice, config: &Config) -> Config {
    let mut config = config.clone();
    for _ in 0..dice.between(1, 3) {
        let number = dice.below(WISHES);
        wish(dice, &mut config, number);
    }
    config
}

const WISHES: u64 = 10;

fn wish(dice: &mut Dice, config: &mut Config, number: u64) {
    let small = |dice: &mut Dice| u16::try_from(dice.below(6)).expect("small");
    let scope = &mut config.scope;
    match number {
        0 => {
            scope.preset =
                *dice.pick(&[Preset::Any, Preset::Any, Preset::Host, Preset::Host, Preset::Path]);
            scope.exclude_glob =
                dice.chance(10).then(|| "*/a/b/*".to_owned()).into_iter().collect();
            scope.include_glob = dice.chance(5).then(|| "*[0-9]".to_owned()).into_iter().collect();
        }
        1 => scope.nofollow = dice.chance(80),
        2 => scope.assets = dice.chance(25),
        3 => scope.check_external = dice.chance(25),
        4 => {
            scope.traps = dice.chance(85);
            scope.mirrors = dice.chance(15);
        }
        5 => manners(dice, config),
        6 => config.limits.depth = dice.chance(35).then(|| small(dice)),
        7 => {
            config.limits.per_host = dice.chance(10).then(|| dice.any_size(6));
            let budget = dice.chance(10).then(|| format!("/a/={}", dice.any_size(4)));
            config.limits.budgets = budget.into_iter().collect();
        }
        8 => {
            config.politeness.robots = dice.chance(90);
            scope.sitemaps = dice.chance(70);
        }
        _ => {
            config.fetch.retries = u8::try_from(dice.below(4)).expect("small");
            config.fetch.concurrency = 1 + dice.index(16);
            config.fetch.user = dice.chance(10).then(|| "me:secret".to_owned());
        }
    }
}

fn manners(dice: &mut Dice, config: &mut Config) {
    let politeness = &mut config.politeness;
    let delay_ms = if dice.chance(20) { 0 } else { dice.any_size(10) };
    politeness.delay = dice.chance(80).then(|| Span(Duration::from_millis(delay_ms)));
    politeness.per_host = 1 + dice.index(4);
    let rate = u32::try_from(dice.any_size(8)).expect("small");
    politeness.rate = dice.chance(10).then(|| f64::from(rate));
    let cap = Duration::from_millis(dice.any_size(13));
    politeness.max_crawl_delay = dice.chance(10).then_some(Span(cap));
    let minutes = *dice.pick(&[10, 10, 10, 1, 30 * 60]);
    politeness.max_wait = Span(Duration::from_mins(minutes));
}

/// Limits of a run that may stop it, over those that say what belongs to the crawl.
pub(crate) fn stopping(dice: &mut Dice, limits: &LimitsConfig) -> LimitsConfig {
    let time = Duration::from_millis(dice.any_size(18));
    LimitsConfig {
        pages: dice.chance(20).then(|| dice.any_size(7)),
        time: dice.chance(10).then_some(Span(time)),
        bytes: dice.chance(5).then(|| Size(dice.any_size(20))),
        ..limits.clone()
    }
}

/// What the engine is told of the settings.
pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        concurrency: config.fetch.concurrency,
        retries: config.fetch.retries,
        sitemaps: config.scope.sitemaps,
        mirrors: config.scope.mirrors,
        politeness: config.politeness.clone(),
        limits: config.limits.clone(),
    }
}

/// Whether what was set aside is to be judged again.
pub(crate) fn differ_in_what_belongs(before: &Config, after: &Config) -> bool {
    before.scope != after.scope
        || before.limits != after.limits
        || before.politeness.robots != after.politeness.robots
        || before.fetch.is_logged_in() != after.fetch.is_logged_in()
}
