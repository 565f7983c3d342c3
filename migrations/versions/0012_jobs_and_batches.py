"""Jobs, and batches of coupons.

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-30 11:00:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'job',
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('subject', sa.String(length=40), nullable=False),
        sa.Column('payload', sa.JSON(), nullable=False),
        sa.Column('state', sa.String(length=20), nullable=False),
        sa.Column('attempts', sa.BigInteger(), nullable=False),
        sa.Column('due_at', sa.BigInteger(), nullable=False),
        sa.Column('lease_id', sa.String(length=40), nullable=True),
        sa.Column('lease_until', sa.BigInteger(), nullable=True),
        sa.Column('done', sa.BigInteger(), nullable=False),
        sa.Column('total', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('finished_at', sa.BigInteger(), nullable=True),
        sa.Column('error_code', sa.String(length=40), nullable=True),
        sa.CheckConstraint("state IN ('open', 'done', 'failed')", name=op.f('ck_job_state')),
        sa.CheckConstraint("(state = 'open') = (finished_at IS NULL)", name=op.f('ck_job_open_until_finished')),
        sa.CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name=op.f('ck_job_failed_with_a_code')),
        sa.CheckConstraint('(lease_id IS NULL) = (lease_until IS NULL)', name=op.f('ck_job_lease_is_whole')),
        sa.CheckConstraint('done BETWEEN 0 AND total', name=op.f('ck_job_done')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_job')),
        sa.UniqueConstraint('kind', 'subject', name=op.f('uq_job_kind_subject')),
    )
    op.create_index(
        'ix_job_open',
        'job',
        ['due_at'],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        'batch',
        sa.Column('id', sa.String(length=40), nullable=False),
        sa.Column('campaign_number', sa.BigInteger(), nullable=False),
        sa.Column('items', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.CheckConstraint('items > 0', name=op.f('ck_batch_items')),
        sa.ForeignKeyConstraint(['campaign_number'], ['campaign.number'], name=op.f('fk_batch_campaign_number_campaign')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_batch')),
    )
    op.create_index('ix_batch_campaign_number_id', 'batch', ['campaign_number', 'id'], unique=False)
    op.create_table(
        'batch_part',
        sa.Column('batch_id', sa.String(length=40), nullable=False),
        sa.Column('item', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('said', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], name=op.f('fk_batch_part_batch_id_batch')),
        sa.PrimaryKeyConstraint('batch_id', 'item', name=op.f('pk_batch_part')),
    )
    op.create_table(
        'batch_block',
        sa.Column('batch_id', sa.String(length=40), nullable=False),
        sa.Column('item', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('items', sa.BigInteger(), nullable=False),
        sa.Column('serial', sa.BigInteger(), nullable=False),
        sa.Column('existing', sa.Boolean(), nullable=False),
        sa.CheckConstraint('items > 0', name=op.f('ck_batch_block_items')),
        sa.ForeignKeyConstraint(['batch_id'], ['batch.id'], name=op.f('fk_batch_block_batch_id_batch')),
        sa.PrimaryKeyConstraint('batch_id', 'item', name=op.f('pk_batch_block')),
    )


def downgrade():
    op.drop_table('batch_block')
    op.drop_table('batch_part')
    op.drop_index('ix_batch_campaign_number_id', table_name='batch')
    op.drop_table('batch')
    op.drop_index('ix_job_open', table_name='job')
    op.drop_table('job')
