//! What aggregates do with little room.

use tantivy::query::AllQuery;
use tantivy::schema::{FAST, STRING, Schema};
use tantivy::{Index, Searcher, doc};

use super::*;
use crate::aggregate::{Aggregate, Aggregated, GroupValue, Measured};
use crate::embedded::index::column;
use crate::embedded::newcomers::Newcomers;
use crate::{Field, Filter, Key, ListOf};

const DOCS: u64 = 30_000;

/// Documents in three segments, each of a user of its own and with its number as tokens.
fn searcher() -> Searcher {
    let mut schema = Schema::builder();
    let time = schema.add_i64_field(TIME, FAST);
    let user = schema.add_text_field(&column(Field::UserId), STRING | FAST);
    let tokens = schema.add_u64_field(&column(Field::UsageInput), FAST);
    let index = Index::create_in_ram(schema.build());
    let mut writer = index.writer_with_num_threads(1, 50_000_000).unwrap();
    writer.set_merge_policy(Box::new(tantivy::merge_policy::NoMergePolicy));
    for n in 0..DOCS {
        writer.add_document(doc!(time => n as i64, user => format!("a user with a long name {n}"), tokens => n)).unwrap();
        if n % (DOCS / 3) == DOCS / 3 - 1 {
            writer.commit().unwrap();
        }
    }
    let searcher = index.reader().unwrap().searcher();
    assert_eq!((searcher.segment_readers().len(), searcher.num_docs()), (3, DOCS));
    searcher
}

fn query(group_by: Vec<Group>) -> Aggregate {
    let tokens = || Key::from(Field::UsageInput);
    let mut metrics = Vec::new();
    for _ in 0..4 {
        metrics.extend([
            Metric::Sum(tokens()),
            Metric::Max(tokens()),
            Metric::Percentiles(tokens(), vec![50.0, 99.0]),
            Metric::Distinct(tokens()),
        ]);
    }
    Aggregate { of: ListOf::Spans, filter: Filter::default(), group_by, metrics, limit: crate::MAX_ROWS }
}

fn measured(searcher: &Searcher, query: &Aggregate, bytes: usize) -> Aggregated {
    measured_in(searcher, query, Memory::of(0).room_of(bytes, bytes))
}

fn measured_in(searcher: &Searcher, query: &Aggregate, room: Room) -> Aggregated {
    let groups = Groups { group_by: query.group_by.clone(), metrics: query.metrics.clone(), last: false, room };
    searcher.search(&AllQuery, &groups).unwrap().show(query, &Newcomers::default())
}

#[test]
fn many_groups_of_many_measures_take_no_more_than_there_is_and_the_answer_says_so() {
    let searcher = searcher();
    let by_user = Group::Field { key: Field::UserId.into(), top: 10_000, others: false, by: None };
    let query = query(vec![by_user]);
    let whole = measured(&searcher, &query, 64 << 20);
    assert_eq!((whole.matched, whole.left_out), (DOCS, DOCS - 10_000));
    assert_eq!(whole.truncated_by, [TruncatedBy::Limit], "there is room for all of them");

    let part = measured(&searcher, &query, 2 << 20);
    assert_eq!(part.matched, DOCS);
    assert!(part.truncated && part.truncated_by.contains(&TruncatedBy::Memory), "{:?}", part.truncated_by);
    assert!((1..20_000).contains(&part.items.len()), "{}", part.items.len());
    assert_eq!(part.items.iter().map(|row| row.count).sum::<u64>() + part.left_out, DOCS, "everything is accounted for");
    for row in &part.items {
        let Some(GroupValue::Text(user)) = &row.group[0] else { panic!("{row:?}") };
        let n: f64 = user.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(
            (&row.values[0], &row.values[1]),
            (&Measured::One(Some(n)), &Measured::One(Some(n))),
            "what is shown is right"
        );
    }
}

#[test]
fn who_finds_that_others_have_taken_the_memory_is_cut_and_says_so() {
    let searcher = searcher();
    let query = query(vec![Group::Field { key: Field::UserId.into(), top: 10_000, others: false, by: None }]);
    let memory = Memory::of(64 << 20);
    let others = memory.room_of(128 << 20, 0);
    let mut counting = others.share();
    counting.hold(64 << 20);
    assert!(!counting.is_full(), "they have taken all of it");
    let part = measured_in(&searcher, &query, memory.room_of(64 << 20, 1 << 20));
    assert!(part.truncated_by.contains(&TruncatedBy::Memory), "{:?}", part.truncated_by);
    assert!((1..10_000).contains(&part.items.len()), "what is its own is used: {}", part.items.len());
    assert_eq!(part.items.iter().map(|row| row.count).sum::<u64>() + part.left_out, DOCS);

    drop((counting, others));
    let whole = measured_in(&searcher, &query, memory.room_of(64 << 20, 1 << 20));
    assert_eq!(whole.truncated_by, [TruncatedBy::Limit], "they have given it back");
}

#[test]
fn the_greatest_of_all_come_first_however_many_there_are() {
    let searcher = searcher();
    // Every user has one thing, and the last users have the most tokens.
    let dearest = |others| {
        let by_user = Group::Field { key: Field::UserId.into(), top: 3, others, by: Some(0) };
        measured(&searcher, &query(vec![by_user]), 64 << 20)
    };
    let named = |n: u64| Some(GroupValue::Text(format!("a user with a long name {n}")));
    let users = |answer: &Aggregated| answer.items.iter().map(|row| row.group[0].clone()).collect::<Vec<_>>();
    let first = [named(DOCS - 1), named(DOCS - 2), named(DOCS - 3)];
    let three = dearest(false);
    assert_eq!(users(&three), first);
    assert_eq!((three.items[0].values[0].first(), three.left_out), (Some((DOCS - 1) as f64), DOCS - 3));
    let all = dearest(true);
    assert_eq!(users(&all), [&first[..], &[Some(GroupValue::Others { others: DOCS - 3 })]].concat());
    let sum: f64 = all.items.iter().filter_map(|row| row.values[0].first()).sum();
    assert_eq!((sum, all.left_out), ((DOCS * (DOCS - 1) / 2) as f64, 0));
}

#[test]
fn without_groups_sums_are_whole_and_what_cannot_be_told_apart_is_told() {
    let searcher = searcher();
    let query = query(Vec::new());
    let part = measured(&searcher, &query, 200 << 10);
    assert!(part.truncated_by == [TruncatedBy::Memory] && part.left_out == 0, "{:?}", part.truncated_by);
    let [row] = &part.items[..] else { panic!("{:?}", part.items) };
    let sum = (DOCS * (DOCS - 1) / 2) as f64;
    assert_eq!((row.count, &row.values[0], &row.values[1]), (DOCS, &Measured::One(Some(sum)), &Measured::One(Some(29_999.0))));
    let Measured::One(Some(distinct)) = row.values[3] else { panic!("{:?}", row.values[3]) };
    assert!((1.0..DOCS as f64).contains(&distinct), "{distinct}");
    let whole = measured(&searcher, &query, 64 << 20);
    assert!(!whole.truncated && whole.truncated_by.is_empty());
    assert_eq!(whole.items[0].values[3], Measured::One(Some(DOCS as f64)));
}

#[test]
fn numbers_that_are_grouped_by_are_bounded_too() {
    let searcher = searcher();
    let by_number = Group::Histogram { key: Field::UsageInput.into(), width: 1.0 };
    let query = Aggregate { metrics: Vec::new(), ..query(vec![by_number]) };
    let part = measured(&searcher, &query, 300 << 10);
    assert!(part.truncated_by.contains(&TruncatedBy::Memory), "{:?}", part.truncated_by);
    assert_eq!(part.items.iter().map(|row| row.count).sum::<u64>() + part.left_out, DOCS);
    assert!(part.items.iter().all(|row| row.count == 1));
}
