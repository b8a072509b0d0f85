//! The SDK as an application uses it, against servers of every temper.

#[cfg(test)]
mod current;
#[cfg(test)]
mod deliver;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod mask;
#[cfg(test)]
mod meaning;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod server;
#[cfg(test)]
mod spool;
#[cfg(test)]
mod testing;
