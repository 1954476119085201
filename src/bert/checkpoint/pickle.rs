//! The part of Python's pickle virtual machine (protocols 2 to 5) that `torch.save` uses for a
//! dictionary of tensors.
//!
//! Invariant: no Python object is built. A global stays a name. A call that this file does not
//! implement becomes an opaque value.

use std::collections::HashMap;

/// A value on the stack of the machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PickleValue {
    None,
    Bool(bool),
    Int(i64),
    Str(String),
    Tuple(Vec<PickleValue>),
    List(Vec<PickleValue>),
    Dict(Vec<(PickleValue, PickleValue)>),
    /// `module.name`
    Global(String),
    /// A persistent id: a reference to a storage.
    Persistent(Box<PickleValue>),
    /// `torch._utils._rebuild_tensor_v2` with its arguments.
    TensorCall(Vec<PickleValue>),
    /// A value that the tensors do not need.
    Opaque,
}

/// Values that a pickle may copy out of its memo. A model needs about ten for each of about a
/// thousand tensors.
const MAX_COPIED_VALUES: usize = 10_000_000;
/// Levels that containers may nest; a state dictionary has four.
const MAX_DEPTH: usize = 32;

impl PickleValue {
    fn children(&self) -> Box<dyn Iterator<Item = &PickleValue> + '_> {
        match self {
            Self::Tuple(items) | Self::List(items) | Self::TensorCall(items) => Box::new(items.iter()),
            Self::Dict(items) => Box::new(items.iter().flat_map(|(key, value)| [key, value])),
            Self::Persistent(id) => Box::new(std::iter::once(&**id)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The value, if it is not nested too deeply: to drop such a value would overflow the call
    /// stack.
    fn depth_checked(self) -> Result<Self, String> {
        if self.children().any(|child| child.depth() >= MAX_DEPTH) {
            return Err("it nests too deep for a dictionary of tensors".into());
        }
        Ok(self)
    }

    /// Levels of containers, itself included.
    fn depth(&self) -> usize {
        1 + self.children().map(PickleValue::depth).max().unwrap_or(0)
    }

    /// Number of values inside, itself included.
    fn size(&self) -> usize {
        1 + self.children().map(PickleValue::size).sum::<usize>()
    }
}

/// Runs the pickle at the start of `bytes`; returns its value and its length in bytes.
pub(super) fn load(bytes: &[u8]) -> Result<(PickleValue, usize), String> {
    PickleMachine { bytes, position: 0, stack: vec![], marks: vec![], memo: HashMap::new(), copied: 0 }.run()
}

/// The pickle virtual machine.
struct PickleMachine<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte.
    position: usize,
    stack: Vec<PickleValue>,
    /// Stack heights at open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, PickleValue>,
    /// Values copied out of the memo.
    copied: usize,
}

impl<'a> PickleMachine<'a> {
    fn run(mut self) -> Result<(PickleValue, usize), String> {
        loop {
            let op = self.take::<1>()?[0];
            match op {
                b'.' => return Ok((self.pop()?, self.position)),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'c' => self.global_lines()?,
                0x93 => self.stack_global()?,
                b'R' => self.reduce()?,
                b'Q' => {
                    let id = self.pop()?;
                    self.stack.push(PickleValue::Persistent(Box::new(id)).depth_checked()?);
                }
                // BUILD sets the state of an object (`_metadata` of an OrderedDict), which is not
                // needed.
                b'b' => drop(self.pop()?),
                b'q' | b'r' | 0x94 | b'h' | b'j' => self.memo_op(op)?,
                b's' | b'u' | b'a' | b'e' => self.fill(op)?,
                0x80 => drop(self.take::<1>()?),
                0x95 => drop(self.take::<8>()?),
                _ => {
                    let value = self.literal(op)?;
                    self.stack.push(value);
                }
            }
        }
    }

    /// Opcodes that push a constant or a tuple.
    fn literal(&mut self, op: u8) -> Result<PickleValue, String> {
        Ok(match op {
            b'N' => PickleValue::None,
            0x88 => PickleValue::Bool(true),
            0x89 => PickleValue::Bool(false),
            b'J' => PickleValue::Int(i32::from_le_bytes(self.take()?).into()),
            b'K' => PickleValue::Int(self.take::<1>()?[0].into()),
            b'M' => PickleValue::Int(u16::from_le_bytes(self.take()?).into()),
            0x8a => self.long()?,
            b'G' => {
                self.take::<8>()?;
                PickleValue::Opaque
            }
            b'X' | b'T' => {
                let n = u32::from_le_bytes(self.take()?);
                self.string(n as usize)?
            }
            0x8c | b'U' => {
                let n = self.take::<1>()?[0];
                self.string(n.into())?
            }
            b'}' => PickleValue::Dict(vec![]),
            b']' => PickleValue::List(vec![]),
            b')' => PickleValue::Tuple(vec![]),
            b't' => PickleValue::Tuple(self.pop_mark()?).depth_checked()?,
            b'l' => PickleValue::List(self.pop_mark()?).depth_checked()?,
            0x85..=0x87 => {
                let n = usize::from(op - 0x84);
                let from = self.stack.len().checked_sub(n).ok_or("its stack is empty too early")?;
                PickleValue::Tuple(self.stack.split_off(from)).depth_checked()?
            }
            other => {
                return Err(format!(
                    "it uses pickle opcode 0x{other:02x}, which a dictionary of tensors does not need"
                ));
            }
        })
    }

    /// Opcodes that store into the memo (PUT, MEMOIZE) or copy out of it (GET).
    fn memo_op(&mut self, op: u8) -> Result<(), String> {
        let slot = match op {
            b'q' | b'h' => self.take::<1>()?[0].into(),
            0x94 => self.memo.len() as u32,
            _ => u32::from_le_bytes(self.take()?),
        };
        if matches!(op, b'h' | b'j') {
            let value = self.memo.get(&slot).ok_or("it refers to an object that is not in its memo")?;
            self.copied += value.size();
            if self.copied > MAX_COPIED_VALUES {
                return Err("it repeats itself too often for a dictionary of tensors".into());
            }
            let value = value.clone();
            self.stack.push(value);
        } else {
            // Pickle memoizes a container while it is empty and fills it afterwards. A later
            // reference would see it empty here; a dictionary of tensors makes none.
            let value = self.stack.last().ok_or("its stack is empty too early")?.clone();
            self.memo.insert(slot, value);
        }
        Ok(())
    }

    /// SETITEM, SETITEMS, APPEND and APPENDS.
    fn fill(&mut self, op: u8) -> Result<(), String> {
        let items = match op {
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            b'a' => vec![self.pop()?],
            _ => self.pop_mark()?,
        };
        let items = match PickleValue::List(items).depth_checked()? {
            PickleValue::List(items) => items,
            _ => vec![],
        };
        match self.stack.last_mut() {
            Some(PickleValue::Dict(dict)) if op == b's' || op == b'u' => {
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.push((key, value));
                }
            }
            Some(PickleValue::List(list)) if op == b'a' || op == b'e' => list.extend(items),
            Some(PickleValue::Opaque) => {}
            _ => return Err("it adds items to a value that is no container".into()),
        }
        Ok(())
    }

    /// REDUCE: a call.
    fn reduce(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let (PickleValue::Global(name), PickleValue::Tuple(mut arguments)) = (callee, arguments) else {
            return Err("it calls a value that is no function".into());
        };
        self.stack.push(match name.as_str() {
            "torch._utils._rebuild_tensor_v2" => PickleValue::TensorCall(arguments).depth_checked()?,
            "torch._utils._rebuild_parameter" if !arguments.is_empty() => arguments.swap_remove(0),
            "collections.OrderedDict" => PickleValue::Dict(vec![]),
            _ => PickleValue::Opaque,
        });
        Ok(())
    }

    /// GLOBAL: module and name as two lines.
    fn global_lines(&mut self) -> Result<(), String> {
        let module = self.line()?;
        let name = self.line()?;
        self.stack.push(PickleValue::Global(format!("{module}.{name}")));
        Ok(())
    }

    /// STACK_GLOBAL: module and name from the stack.
    fn stack_global(&mut self) -> Result<(), String> {
        let name = self.pop()?;
        let module = self.pop()?;
        let (PickleValue::Str(module), PickleValue::Str(name)) = (module, name) else {
            return Err("a global has no name".into());
        };
        self.stack.push(PickleValue::Global(format!("{module}.{name}")));
        Ok(())
    }

    /// LONG1: an integer of up to 255 bytes; more than 8 become opaque.
    fn long(&mut self) -> Result<PickleValue, String> {
        let n: usize = self.take::<1>()?[0].into();
        let bytes = self.slice(n)?;
        if n > 8 {
            return Ok(PickleValue::Opaque);
        }
        let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
        let mut full = [if negative { 0xff } else { 0 }; 8];
        full[..n].copy_from_slice(bytes);
        Ok(PickleValue::Int(i64::from_le_bytes(full)))
    }

    fn string(&mut self, n: usize) -> Result<PickleValue, String> {
        let bytes = self.slice(n)?;
        Ok(PickleValue::Str(String::from_utf8_lossy(bytes).into_owned()))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.position..];
        let n = rest.iter().position(|&b| b == b'\n').ok_or("the file is truncated")?;
        self.position += n + 1;
        Ok(String::from_utf8_lossy(&rest[..n]).into_owned())
    }

    fn slice(&mut self, n: usize) -> Result<&'a [u8], String> {
        let slice = self.bytes[self.position..].get(..n).ok_or("the file is truncated")?;
        self.position += n;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let slice = self.slice(N)?;
        Ok(std::array::from_fn(|i| slice[i]))
    }

    fn pop(&mut self) -> Result<PickleValue, String> {
        // Values below an open mark belong to the container outside it.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("its stack is empty too early".into());
        }
        self.stack.pop().ok_or_else(|| "its stack is empty too early".into())
    }

    fn pop_mark(&mut self) -> Result<Vec<PickleValue>, String> {
        let mark = self.marks.pop().ok_or("it closes a container that it never opened")?;
        if mark > self.stack.len() {
            return Err("its stack is empty too early".into());
        }
        Ok(self.stack.split_off(mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bombs_are_refused() {
        let doubled = |n: usize| {
            let mut pickle = b"\x80\x02N".to_vec();
            for i in 0..n {
                pickle.extend([b'q', i as u8, b'h', i as u8, 0x86]);
            }
            [&pickle[..], b"."].concat()
        };
        assert!(load(&doubled(8)).is_ok());
        assert!(load(&doubled(30)).unwrap_err().contains("repeats itself"));
        for wrap in [b'Q', 0x85] {
            let pickle = [&b"\x80\x02N"[..], &vec![wrap; 1_000_000], b"."].concat();
            assert!(load(&pickle).unwrap_err().contains("nests too deep"));
        }
        // A list that is filled with a list that is filled with ..
        let pickle = [&b"\x80\x02"[..], &vec![b']'; 1_000_000], &vec![b'a'; 999_999], b"."].concat();
        assert!(load(&pickle).unwrap_err().contains("nests too deep"));
    }
}
