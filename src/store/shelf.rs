//! A map of large values, most of which lie in a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Place, Spool, StoreFault};

/// Values held in memory; all that come after lie in the file. An authority with fewer zones never writes one.
const IN_MEMORY: usize = 16;

/// A map in the order of its keys. Values are had as shared copies and changed by [`Shelf::change`]; in JSON it is a plain map.
/// Values go through JSON and back, which the facts document demands of them anyhow.
#[derive(Clone, Debug)]
pub struct Shelf<K, T> {
    slots: BTreeMap<K, Slot<T>>,
    in_memory: usize,
    spool: Spool,
}

#[derive(Clone, Debug)]
enum Slot<T> {
    Here(Arc<T>),
    Filed(Place),
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), in_memory: 0, spool: Spool::default() }
    }
}

impl<K: Ord, T: Serialize + DeserializeOwned> Shelf<K, T> {
    /// Adds a value, or takes another's place.
    pub fn insert(&mut self, key: K, value: T) {
        let slot = self.slot(value);
        let before = self.slots.insert(key, slot);
        self.left(before.as_ref());
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Arc<T>>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.open(self.slots.get(key)?)
    }

    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        self.slots.contains_key(key)
    }

    /// Keys and values, one value at a time.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Arc<T>)> {
        self.slots.iter().filter_map(|(key, slot)| Some((key, self.open(slot)?)))
    }

    /// Keys and values from a key on.
    pub fn from<'a>(&'a self, first: &K) -> impl Iterator<Item = (&'a K, Arc<T>)> + use<'a, K, T> {
        self.slots.range(first..).filter_map(|(key, slot)| Some((key, self.open(slot)?)))
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    /// The values, one at a time.
    pub fn values(&self) -> impl Iterator<Item = Arc<T>> {
        self.slots.values().filter_map(|slot| self.open(slot))
    }

    /// Changes every value in place.
    pub fn change(&mut self, mut f: impl FnMut(&K, &mut T))
    where
        T: Clone,
    {
        let Self { slots, spool, .. } = self;
        for (key, slot) in slots {
            match slot {
                Slot::Here(value) => f(key, Arc::make_mut(value)),
                Slot::Filed(place) => {
                    let Some(mut value) = read(spool, *place) else { continue };
                    f(key, &mut value);
                    *slot = filed(spool, value);
                }
            }
        }
    }

    /// Keeps only the keys that `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.slots.retain(|key, _| keep(key));
        self.in_memory = self.slots.values().filter(|slot| matches!(slot, Slot::Here(_))).count();
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether every value that was asked for could be had. One that could not was left out.
    ///
    /// # Errors
    /// Why one could not.
    pub fn sound(&self) -> Result<(), StoreFault> {
        self.spool.sound()
    }

    fn slot(&mut self, value: T) -> Slot<T> {
        if self.in_memory >= IN_MEMORY {
            return filed(&self.spool, value);
        }
        self.in_memory += 1;
        Slot::Here(Arc::new(value))
    }

    fn left(&mut self, slot: Option<&Slot<T>>) {
        if let Some(Slot::Here(_)) = slot {
            self.in_memory = self.in_memory.saturating_sub(1);
        }
    }

    fn open(&self, slot: &Slot<T>) -> Option<Arc<T>> {
        match slot {
            Slot::Here(value) => Some(Arc::clone(value)),
            Slot::Filed(place) => read(&self.spool, *place).map(Arc::new),
        }
    }
}

/// Puts a value away; what cannot be written as JSON stays in memory.
fn filed<T: Serialize>(spool: &Spool, value: T) -> Slot<T> {
    match serde_json::to_vec(&value) {
        Ok(bytes) => Slot::Filed(spool.put(&bytes)),
        Err(_) => Slot::Here(Arc::new(value)),
    }
}

fn read<T: DeserializeOwned>(spool: &Spool, place: Place) -> Option<T> {
    serde_json::from_slice(&spool.get(place)?).map_err(|error| spool.blame(error.to_string())).ok()
}

impl<K: Ord, T: Serialize + DeserializeOwned> FromIterator<(K, T)> for Shelf<K, T> {
    fn from_iter<I: IntoIterator<Item = (K, T)>>(entries: I) -> Self {
        let mut shelf = Self::default();
        entries.into_iter().for_each(|(key, value)| shelf.insert(key, value));
        shelf
    }
}

impl<K: Ord, T: PartialEq + Serialize + DeserializeOwned> PartialEq for Shelf<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Serialize, T: Serialize + DeserializeOwned> Serialize for Shelf<K, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Ord + Deserialize<'de>, T: Serialize + DeserializeOwned> Deserialize<'de> for Shelf<K, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, T>(PhantomData<(K, T)>);
        impl<'de, K: Ord + Deserialize<'de>, T: Serialize + DeserializeOwned> Visitor<'de> for Entries<K, T> {
            type Value = Shelf<K, T>;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut shelf = Shelf::default();
                while let Some((key, value)) = entries.next_entry()? {
                    shelf.insert(key, value);
                }
                Ok(shelf)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<K: JsonSchema, T: JsonSchema> JsonSchema for Shelf<K, T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<K, T>::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<K, T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many() -> Shelf<String, Vec<usize>> {
        (0..3 * IN_MEMORY).map(|n| (format!("{n:03}"), vec![n])).collect()
    }
    fn filed(shelf: &Shelf<String, Vec<usize>>) -> usize {
        shelf.slots.values().filter(|slot| matches!(slot, Slot::Filed(_))).count()
    }

    #[test]
    fn the_first_values_stay_in_memory_and_the_others_read_the_same() {
        let shelf = many();
        assert_eq!(filed(&shelf), 2 * IN_MEMORY);
        let read: Vec<usize> = shelf.values().map(|value| value[0]).collect();
        assert_eq!(read, (0..3 * IN_MEMORY).collect::<Vec<_>>());
        assert_eq!(shelf.get("040").as_deref(), Some(&vec![40]));
        assert_eq!(shelf.get("nobody"), None);
    }

    #[test]
    fn a_change_holds_wherever_the_value_lies_and_a_copy_does_not_see_it() {
        let mut shelf = many();
        let before = shelf.clone();
        shelf.change(|_, value| value.push(7));
        assert!(shelf.values().all(|value| value.len() == 2 && value[1] == 7));
        assert!(before.values().all(|value| value.len() == 1));
        assert_eq!(filed(&shelf), 2 * IN_MEMORY);
    }

    #[test]
    fn in_json_it_is_a_plain_map() {
        let shelf = many();
        let plain: BTreeMap<String, Vec<usize>> = (0..3 * IN_MEMORY).map(|n| (format!("{n:03}"), vec![n])).collect();
        let text = serde_json::to_string(&shelf).unwrap();
        assert_eq!(text, serde_json::to_string(&plain).unwrap());
        assert_eq!(serde_json::from_str::<Shelf<String, Vec<usize>>>(&text).unwrap(), shelf);
    }

    #[test]
    fn what_goes_makes_room_in_memory() {
        let mut shelf = many();
        shelf.retain(|key| key.as_str() >= "016");
        shelf.insert("new".into(), vec![0]);
        assert_eq!((shelf.len(), filed(&shelf)), (2 * IN_MEMORY + 1, 2 * IN_MEMORY));
        shelf.insert("020".into(), vec![1]);
        assert_eq!(shelf.get("020").as_deref(), Some(&vec![1]));
    }

    #[test]
    fn a_value_that_cannot_be_had_again_is_owned_up_to() {
        let mut shelf = many();
        shelf.slots.insert("040".into(), Slot::Filed(shelf.spool.put(b"[")));
        assert_eq!(shelf.sound(), Ok(()));
        assert_eq!(shelf.values().count(), 3 * IN_MEMORY - 1);
        assert!(shelf.sound().is_err());
    }
}
